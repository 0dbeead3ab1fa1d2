"""Handing names to the portal's zone: one label per workspace and host, looked at, missed, taken back."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.dns import delegations
from certificates.dns.delegated import DELEGATED, Delegated
from certificates.dns.delegations import add_delegation, name_of, remove_delegation, target_of
from certificates.dns.stored import values_of
from certificates.gates import read_wish
from certificates.issuance import start_issuance
from certificates.models import Authorization, Certificate, ChallengeValue, Delegation, Issuance, Renewal
from certificates.renewal.plan import Automation, set_automation
from certificates.solvers import automatic_for
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from domains.models import Domain, Finding, Mode, Ownership
from tests.cast import PASSWORD, Cast
from tests.servers.stub_dns import StubDns, stub_dns
from tests.unit.certificates.conftest import HOST, make_domain

pytestmark = pytest.mark.django_db
NAME = f"_acme-challenge.{HOST}"


@pytest.fixture(autouse=True)
def _zone(settings: Any) -> None:
    settings.ACME_DNS_ZONE = "acme.portal.net"
    settings.ACME_DNS_NS = ("ns1.portal.net",)


@pytest.fixture
def dns(settings: Any) -> Any:
    with stub_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        yield server


@pytest.fixture
def delegation(domain: Domain) -> Delegation:
    return add_delegation(domain=domain, host=HOST, actor=SYSTEM)[0]


def look(row: Delegation) -> Delegation:
    Delegation.unscoped.filter(pk=row.pk).update(run_after=clock.now())
    jobs.run_due("delegation")
    return Delegation.unscoped.select_related("domain").get(pk=row.pk)


def is_missed(domain: Domain) -> bool:
    return Finding.unscoped.filter(domain=domain, code="delegation_gone", closed_at=None).exists()


def test_a_label_cannot_be_guessed_and_is_nobody_elses(cast: Cast, domain: Domain) -> None:
    mine, is_new = add_delegation(domain=domain, host=HOST.upper(), actor=SYSTEM)
    assert is_new
    assert re.fullmatch("[a-z2-7]{32}", mine.label)
    again, is_new = add_delegation(domain=domain, host=HOST, actor=SYSTEM)
    assert (again.pk, is_new) == (mine.pk, False)
    other = Domain.objects.create(workspace=cast.other, host=HOST, verified_at=clock.now(), state="ok")
    Ownership.objects.create(workspace=cast.other, host=HOST, proven_at=clock.now())
    theirs, is_new = add_delegation(domain=other, host=HOST, actor=SYSTEM)
    assert is_new
    assert theirs.label != mine.label
    remove_delegation(delegation=mine, actor=SYSTEM)
    third, _ = add_delegation(domain=domain, host=HOST, actor=SYSTEM)
    assert third.label not in {mine.label, theirs.label}


def test_only_proven_names_are_taken(domain: Domain, settings: Any) -> None:
    with pytest.raises(NeedsUser) as refused:
        add_delegation(domain=domain, host="someone-elses.net", actor=SYSTEM)
    assert refused.value.code == "names_not_proven"
    settings.ACME_DNS_ZONE = ""
    with pytest.raises(NeedsUser) as refused:
        add_delegation(domain=domain, host=HOST, actor=SYSTEM)
    assert refused.value.code == "dns_zone_missing"


def test_it_is_found_missed_and_found_again(delegation: Delegation, dns: StubDns) -> None:
    domain = delegation.domain
    row = look(delegation)
    assert (row.seen, row.found_at) == ("not_seen", None)
    assert not is_missed(domain), "what never was there is not gone"

    dns.answer(NAME, "CNAME", [f"{target_of(delegation).upper()}."])
    row = look(row)
    assert row.is_in_use
    assert row.run_after is not None
    assert row.run_after - clock.now() > delegations.AFTER_MISS
    assert Event.unscoped.filter(kind="delegation.found", domain_id=domain.pk).count() == 1

    dns.answer(NAME, "CNAME", ["another.portal.net."])
    row = look(row)
    assert not row.is_in_use
    assert is_missed(domain)
    finding = Finding.unscoped.get(domain=domain, code="delegation_gone")
    assert f"{NAME}. IN CNAME {target_of(row)}." in finding.params["paste"]

    dns.answer(NAME, "CNAME", [f"{target_of(delegation)}."])
    assert look(row).is_in_use
    assert not is_missed(domain)


def test_servers_that_say_nothing_tell_nothing(delegation: Delegation, dns: StubDns) -> None:
    dns.answer(NAME, "CNAME", [f"{target_of(delegation)}."])
    assert look(delegation).is_in_use
    dns.answer(NAME, "CNAME", "SERVFAIL")
    row = look(delegation)
    assert row.servers[0]["error"] == "servfail"
    assert row.is_in_use
    assert not is_missed(row.domain)


def covered(delegation: Delegation, dns: StubDns) -> Renewal | None:
    """What renews the domain once the CNAME is there, however often it is looked for."""
    dns.answer(NAME, "CNAME", [f"{target_of(delegation)}."])
    for _ in range(2):
        look(delegation)
    return Renewal.unscoped.filter(domain=delegation.domain).first()


def test_the_look_that_finds_all_names_covered_turns_auto_renew_on(delegation: Delegation, dns: StubDns) -> None:
    """Let's Encrypt (DNS) was chosen before, when somebody's hands were needed."""
    set_automation(domain=delegation.domain, actor=SYSTEM, wanted=Automation(Mode.DNS))
    look(delegation)
    assert not Renewal.unscoped.exists()
    renewal = covered(delegation, dns)
    assert renewal
    assert renewal.names == [HOST]
    event = Event.unscoped.filter(kind="domain.automation_changed").latest("at")
    assert (event.actor_kind, event.data["renews"]) == ("system", "by itself")


def test_other_modes_and_names_that_are_not_covered_stay_by_hand(
    delegation: Delegation, dns: StubDns, store: Callable[..., Certificate]
) -> None:
    assert covered(delegation, dns) is None, "Monitor only"
    store([HOST, f"www.{HOST}"])
    set_automation(domain=delegation.domain, actor=SYSTEM, wanted=Automation(Mode.DNS))
    Delegation.unscoped.update(found_at=None, seen="not_seen")
    assert covered(delegation, dns) is None, "the www of its certificate is not covered"


def test_what_somebody_turned_off_stays_off(delegation: Delegation, dns: StubDns) -> None:
    domain = delegation.domain
    Delegation.unscoped.update(seen="seen")
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(Mode.DNS))
    assert Renewal.unscoped.filter(domain=domain).exists()
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(auto_renew=False))
    Delegation.unscoped.update(seen="not_seen")
    assert covered(delegation, dns) is None


def test_a_mode_that_is_chosen_later_counts_again(delegation: Delegation, dns: StubDns) -> None:
    domain = delegation.domain
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(Mode.DNS, auto_renew=False))
    assert covered(delegation, dns) is None
    Delegation.unscoped.update(found_at=None, seen="not_seen")
    for mode in (Mode.MONITOR, Mode.DNS):
        set_automation(domain=domain, actor=SYSTEM, wanted=Automation(mode))
    assert covered(delegation, dns)


def test_removing_one_that_is_missed_ends_the_finding(delegation: Delegation, dns: StubDns) -> None:
    dns.answer(NAME, "CNAME", [f"{target_of(delegation)}."])
    look(delegation)
    dns.answer(NAME, "CNAME", "NXDOMAIN")
    row = look(delegation)
    assert is_missed(row.domain)
    remove_delegation(delegation=row, actor=SYSTEM)
    assert not is_missed(row.domain)


def test_it_covers_a_name_and_its_wildcard_once_it_is_seen(cast: Cast, delegation: Delegation) -> None:
    assert not Delegated().covers(cast.acme.pk, [HOST])
    assert automatic_for(cast.acme.pk, [HOST]) == "manual"
    Delegation.unscoped.update(seen="seen")
    assert Delegated().covers(cast.acme.pk, [HOST, f"*.{HOST}"])
    assert automatic_for(cast.acme.pk, [f"*.{HOST}"]) == DELEGATED
    assert not Delegated().covers(cast.acme.pk, [HOST, f"www.{HOST}"])
    assert not Delegated().covers(cast.other.pk, [HOST])


def test_a_start_takes_whoever_needs_no_hands(delegation: Delegation) -> None:
    Delegation.unscoped.update(seen="seen")
    issuance, _ = start_issuance(domain=delegation.domain, wish=read_wish([HOST]), actor=SYSTEM)
    assert issuance.solver == DELEGATED


def published(issuance: Issuance) -> list[Authorization]:
    rows = list(issuance.authorizations.all())
    Delegated().present(issuance, rows)
    return rows


def test_values_are_answered_between_present_and_clean_up(delegation: Delegation, issuance: Issuance) -> None:
    label = delegation.label
    assert values_of(label) == []
    assert values_of("z" * 32) is None
    rows = published(issuance)
    published(issuance)
    assert values_of(label) == ["first-value", "second-value"]
    Delegated().clean_up(issuance, rows)
    Delegated().clean_up(issuance, rows)
    assert values_of(label) == []


def test_two_issuances_at_one_name_keep_both_values(delegation: Delegation, issuance: Issuance) -> None:
    other = Issuance.objects.create(
        workspace_id=issuance.workspace_id, domain=issuance.domain, names=[HOST], names_key="x", state="failed"
    )
    for value in ("first-value", "third-value"):
        ChallengeValue.objects.create(
            workspace_id=issuance.workspace_id, delegation=delegation, issuance=other, value=value
        )
    rows = published(issuance)
    assert set(values_of(delegation.label) or ()) == {"first-value", "second-value", "third-value"}
    Delegated().clean_up(issuance, rows)
    assert values_of(delegation.label) == ["first-value", "third-value"]


def test_without_a_place_for_the_values_it_says_so(issuance: Issuance) -> None:
    with pytest.raises(NeedsUser) as refused:
        published(issuance)
    assert (refused.value.code, refused.value.params["names"]) == ("delegation_missing", [HOST])


def test_every_delegation_is_looked_at_for_itself(cast: Cast, delegation: Delegation, dns: StubDns) -> None:
    second = make_domain(cast, "two.acme-tools.net")
    other, _ = add_delegation(domain=second, host=second.host, actor=SYSTEM)
    dns.answer(name_of(other), "CNAME", [f"{target_of(other)}."])
    jobs.run_due("delegation")
    assert {row.host: row.seen for row in Delegation.unscoped.all()} == {HOST: "not_seen", second.host: "seen"}


class TestPage:
    @pytest.fixture
    def browser(self, cast: Cast) -> Client:
        client = Client()
        client.login(username=cast.admin.email, password=PASSWORD)
        return client

    def test_the_tab_offers_it_and_shows_the_record(self, browser: Client, domain: Domain) -> None:
        tab = f"/w/{domain.workspace_id}/domains/{domain.pk}/lets-encrypt/"
        assert f'value="{HOST}"' in browser.get(tab).content.decode()
        added = browser.post(f"/w/{domain.workspace_id}/domains/{domain.pk}/delegations/add/", {"host": HOST})
        assert added.headers["Location"] == f"{tab}#hands-free"
        row = Delegation.unscoped.get()
        page = browser.get(tab).content.decode()
        assert target_of(row) in page
        assert f'value="www.{HOST}"' in page

    def test_without_a_zone_it_is_not_offered(self, browser: Client, domain: Domain, settings: Any) -> None:
        settings.ACME_DNS_ZONE = ""
        page = browser.get(f"/w/{domain.workspace_id}/domains/{domain.pk}/lets-encrypt/").content.decode()
        assert "Renew without your hands" not in page

    def test_the_poll_answers_only_what_is_new(self, browser: Client, delegation: Delegation) -> None:
        url = f"/w/{delegation.workspace_id}/delegations/{delegation.pk}/live/"
        headers = {"HX-Request": "true"}
        shown = browser.get(url, headers=headers)
        digest = re.search(r"\?shown=(\w+)", shown.content.decode())
        assert digest
        assert browser.get(f"{url}?shown={digest[1]}", headers=headers).status_code == 204
        assert browser.get(url).status_code == 302

    def test_it_is_ended_after_a_question(self, browser: Client, delegation: Delegation) -> None:
        url = f"/w/{delegation.workspace_id}/delegations/{delegation.pk}/delete/"
        assert "Stop renewing" in browser.get(url).content.decode()
        assert browser.post(url).status_code == 302
        assert not Delegation.unscoped.exists()
