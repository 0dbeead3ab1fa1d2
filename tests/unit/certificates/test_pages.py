"""What the tab shows in each state, and to whom."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from certificates.models import Certificate, DnsLook, Issuance
from certificates.stepper import BEFORE_RECORDS
from config.lib import clock
from domains.models import Domain, Mode
from tests.cast import Cast
from tests.unit.certificates.conftest import HOST, make_domain

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


def page(browser: Client, row: Domain | Issuance, more: str = "", **headers: str) -> str:
    return seen(browser.get(address(row, more), headers=headers))


def seen(answer: Any) -> str:
    return str(answer.content.decode())


def address(row: Domain | Issuance, more: str = "") -> str:
    if isinstance(row, Domain):
        return f"/w/{row.workspace_id}/domains/{row.pk}/lets-encrypt/{more}"
    return f"/w/{row.workspace_id}/issuances/{row.pk}/{more}"


def change(issuance: Issuance, **fields: object) -> None:
    Issuance.unscoped.filter(pk=issuance.pk).update(**fields)


def test_an_empty_tab_offers_the_first_step(browser: Client, domain: Domain) -> None:
    shown = page(browser, domain)
    assert "Get certificate — start DNS challenge" in shown
    assert f'value="{HOST}"' in shown
    assert f"*.{HOST}" in shown


@pytest.mark.parametrize("mode", Mode)
def test_by_hand_it_works_in_every_mode(browser: Client, domain: Domain, mode: Mode) -> None:
    Domain.unscoped.filter(pk=domain.pk).update(mode=mode)
    assert "Get certificate — start DNS challenge" in page(browser, domain)
    browser.post(address(domain, "start/"), {"names": [HOST]})
    issuance = Issuance.unscoped.get(domain=domain)
    assert (issuance.names, issuance.solver, issuance.is_open) == ([HOST], "manual", True)


def test_an_unproven_domain_points_at_its_ownership_step(browser: Client, domain: Domain) -> None:
    Domain.unscoped.filter(pk=domain.pk).update(verified_at=None)
    shown = page(browser, domain)
    assert "Finish the ownership step" in shown
    assert "start DNS challenge" not in shown


def test_records_are_shown_with_what_each_server_says(browser: Client, issuance: Issuance) -> None:
    shown = page(browser, issuance)
    for text in ("_acme-challenge.shop", f"_acme-challenge.{HOST}", "first-value", "second-value", "TXT"):
        assert text in shown
    assert "Seen on 2 of 2" in shown
    assert "Seen on 1 of 2" in shown
    assert "Two records share one name" in shown
    assert "_managemycert-verify" in shown
    assert "Issue certificate" in shown
    assert shown.count("data-copy=") >= 8


def test_looking_keeps_the_records_being_looked_for(browser: Client, issuance: Issuance) -> None:
    page(browser, issuance)
    look = DnsLook.unscoped.get(issuance=issuance)
    assert look.run_after is not None
    assert look.wanted_until > clock.now()


def test_a_poll_that_would_show_the_same_is_answered_with_nothing(browser: Client, issuance: Issuance) -> None:
    shown = page(browser, issuance)
    digest = shown.partition("?shown=")[2][:12]
    live = address(issuance, f"live/?shown={digest}")
    assert browser.get(live, headers={"HX-Request": "true"}).status_code == 204
    change(issuance, error_code="dns_txt_not_found")
    assert browser.get(live, headers={"HX-Request": "true"}).status_code == 200
    change(issuance, state="failed")
    assert browser.get(live, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert browser.get(live).status_code == 302


def test_too_early_says_what_is_missing(browser: Client, issuance: Issuance) -> None:
    params = {"names": [f"_acme-challenge.{HOST}"], "seen": "It has no TXT record."}
    change(issuance, error_code="dns_txt_not_found", error_params=params)
    assert f"DNS TXT not found yet for _acme-challenge.{HOST}" in page(browser, issuance)
    issuance.authorizations.update(seen="seen")
    shown = page(browser, issuance)
    assert "DNS TXT not found yet" not in shown
    assert "Every record is seen" in shown


def test_a_failure_names_the_name_and_offers_a_fresh_challenge(browser: Client, issuance: Issuance) -> None:
    params = {"name": HOST, "record": f"_acme-challenge.{HOST}", "detail": "Correct value not found"}
    change(issuance, state="failed", step="done", error_code="acme_unauthorized", error_params=params)
    for row in (issuance, issuance.domain):
        shown = page(browser, row)
        assert f"did not find the right TXT record for {HOST}" in shown
        assert "Correct value not found" in shown
        assert "Start a fresh challenge" in shown


@pytest.mark.parametrize(
    "step", [step for step in Issuance.Step if step not in ("wait_for_records", "clean_up", "done")]
)
def test_every_step_has_words(browser: Client, issuance: Issuance, step: str) -> None:
    state = "draft" if step in BEFORE_RECORDS else "validating"
    if state == "draft":
        issuance.authorizations.all().delete()
    change(issuance, step=step, state=state)
    assert "progress-line" in page(browser, issuance)


def test_a_wait_says_when_it_ends(browser: Client, issuance: Issuance) -> None:
    change(issuance, step="finalize", state="finalizing", run_after=clock.now(), error_code="acme_unreachable")
    shown = page(browser, issuance)
    assert "could not be reached" in shown
    assert "The next try is" in shown


def test_certificates_on_file_are_listed_with_their_zip(
    browser: Client, domain: Domain, store: Callable[..., Certificate]
) -> None:
    certificate = store()
    shown = page(browser, domain)
    assert "Your certificates" in shown
    assert f"/certificates/{certificate.pk}/bundle.zip" in shown
    assert "new issuance is available when 30 days or less remain" in shown
    assert "PRIVATE" not in shown


def test_a_certificate_is_found_from_every_name_that_it_holds(
    cast: Cast, browser: Client, domain: Domain, store: Callable[..., Certificate]
) -> None:
    both, wildcard = store([HOST, f"www.{HOST}"]), store([f"*.{HOST}"])
    store([f"elsewhere.{HOST}"])
    shown = page(browser, make_domain(cast, f"www.{HOST}"))
    assert shown.count("/bundle.zip") == 2
    for certificate in (both, wildcard):
        assert f"/certificates/{certificate.pk}/bundle.zip" in shown


def test_a_closed_window_points_at_the_certificate_on_file(
    cast: Cast, browser: Client, domain: Domain, store: Callable[..., Certificate]
) -> None:
    www = f"www.{HOST}"
    certificate = store([www])
    of_the_www = make_domain(cast, www)
    assert page(browser, of_the_www).count(f"/certificates/{certificate.pk}/bundle.zip") == 2
    refused = browser.post(address(domain, "start/"), {"names": [www]})
    assert refused.status_code == 422
    assert "new issuance is available when" in seen(refused)
    assert f"/certificates/{certificate.pk}/bundle.zip" in seen(refused)


def test_starting_makes_one_issuance_however_often_it_is_clicked(browser: Client, domain: Domain) -> None:
    places = {browser.post(address(domain, "start/"), {"names": [HOST, f"*.{HOST}"]})["Location"] for _ in range(3)}
    row = Issuance.unscoped.get()
    assert places == {address(row)}
    assert row.names == [HOST, f"*.{HOST}"]


def test_the_key_is_chosen_among_all_types(browser: Client, domain: Domain) -> None:
    shown = page(browser, domain)
    assert all(label in shown for label in ("ECDSA P-256", "ECDSA P-384", "RSA 2048", "RSA 3072", "RSA 4096"))
    browser.post(address(domain, "start/"), {"names": [HOST], "key_type": "rsa-3072"})
    browser.post(address(domain, "start/"), {"names": [f"*.{HOST}"]})
    assert set(Issuance.unscoped.values_list("key_type", flat=True)) == {"rsa-3072", "ecdsa-p256"}
    assert browser.post(address(domain, "start/"), {"names": [HOST], "key_type": "dsa"}).status_code == 422


def test_names_that_are_not_proven_are_refused_beside_the_field(browser: Client, domain: Domain) -> None:
    answer = browser.post(address(domain, "start/"), {"names": [HOST], "more_names": "elsewhere.net, *.co.uk"})
    assert answer.status_code == 422
    assert "public suffix" in seen(answer)
    answer = browser.post(address(domain, "start/"), {"more_names": "elsewhere.net"})
    assert "Not yet proven: elsewhere.net" in seen(answer)
    assert not Issuance.unscoped.exists()


def test_cancelling_returns_to_the_tab(browser: Client, issuance: Issuance) -> None:
    answer = browser.post(address(issuance, "cancel/"), follow=True)
    assert "Challenge cancelled" in seen(answer)
    assert Issuance.unscoped.get().state == "cancelled"
    again = browser.post(address(issuance, "issue/"), follow=True)
    assert "This issuance has ended" in seen(again)


def test_members_look_and_touch_nothing(cast: Cast, issuance: Issuance, store: Callable[..., Certificate]) -> None:
    certificate = store()
    member = Client()
    member.force_login(cast.member)
    shown = page(member, issuance)
    assert "first-value" in shown
    assert "/issue/" not in shown
    assert "bundle.zip" not in shown
    for path in (address(issuance, "issue/"), address(issuance, "cancel/"), address(issuance.domain, "start/")):
        assert member.post(path).status_code == 403
    assert member.get(f"/w/{cast.acme.pk}/certificates/{certificate.pk}/bundle.zip").status_code == 403


def test_a_stranger_finds_nothing(cast: Cast, issuance: Issuance, store: Callable[..., Certificate]) -> None:
    certificate = store()
    stranger = Client()
    stranger.force_login(cast.outsider)
    for workspace in (cast.acme, cast.other):
        assert stranger.get(f"/w/{workspace.pk}/issuances/{issuance.pk}/").status_code == 404
        assert stranger.post(f"/w/{workspace.pk}/issuances/{issuance.pk}/issue/").status_code == 404
        assert stranger.get(f"/w/{workspace.pk}/certificates/{certificate.pk}/delete/").status_code == 404
        assert stranger.get(f"/w/{workspace.pk}/certificates/{certificate.pk}/bundle.zip").status_code in (302, 404)
