"""Certificates that renew by themselves, with a real CA: when they are due, when it goes wrong, and not twice."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.acme.facts import Problem
from certificates.acme.refusals import request_refusal
from certificates.advance import give_up
from certificates.gates import read_wish
from certificates.issuance import cancel_issuance, start_issuance
from certificates.models import Certificate, Issuance, Renewal
from certificates.renewal.plan import Automation, set_automation
from certificates.renewal.sweep import look
from certificates.store import delete_certificate
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from domains.models import Domain, Finding, Ownership
from notifications.models import Rule
from tests.cast import Cast, make_cast
from tests.integration.issuing import reread, use_ca, verified_domain, work_out
from tests.integration.renewing import ByTestDns, by_test_dns, certificates, turn_on, work
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
State = Issuance.State


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def solver(dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch) -> ByTestDns:
    return by_test_dns(dns_server, monkeypatch)


@pytest.fixture
def domain(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, cast: Cast, solver: ByTestDns) -> Domain:
    use_ca(settings, pebble_server, dns_server)
    host = f"r{uuid.uuid4().hex[:8]}.net"
    return verified_domain(cast.acme, host, dns_server)


def moved(moment: datetime) -> Any:
    return clock.frozen(moment)


@pytest.mark.both_databases
def test_the_first_one_comes_by_itself_and_its_successor_in_time(domain: Domain) -> None:
    turn_on(domain)
    renewal = work(domain)
    (first,) = certificates(domain)
    domain.refresh_from_db()
    assert renewal.certificate == first
    assert renewal.renew_at == domain.renew_at == first.renew_at or first.renew_at is None
    assert renewal.renew_at is not None
    left = first.not_after - renewal.renew_at
    assert timedelta(days=28) < left < timedelta(days=32)
    assert jobs.run_due("renewal") == 0

    with moved(renewal.renew_at + timedelta(seconds=5)):
        renewal = work(domain)
    old, new = certificates(domain)
    assert (old, renewal.certificate) == (first, new)
    assert new.private_key_id != old.private_key_id
    second = Issuance.unscoped.get(certificate=new)
    assert (second.is_renewal, second.requested_by, second.solver) == (True, "ManageMyCert", "tests")
    assert renewal.failures == 0


@pytest.mark.both_databases
def test_two_sweeps_at_once_start_one_issuance(domain: Domain) -> None:
    renewal = turn_on(domain)
    kind = jobs.kinds.get("renewal")
    (claimed,) = jobs.claim(kind)
    Renewal.unscoped.filter(pk=renewal.pk).update(lease_until=clock.now() - DAY, run_after=clock.now())
    (again,) = jobs.claim(kind)
    look(again)
    with pytest.raises(jobs.LeaseLost):
        look(claimed)
    assert Issuance.unscoped.filter(domain=domain).count() == 1
    work(domain)
    assert len(certificates(domain)) == 1


@pytest.mark.both_databases
def test_a_refusal_is_tried_again_ever_more_rarely_and_told_when_it_is_overdue(
    domain: Domain, solver: ByTestDns
) -> None:
    turn_on(domain)
    renewal = work(domain)
    assert renewal.certificate
    assert renewal.renew_at
    end, began = renewal.certificate.not_after, renewal.renew_at
    solver.is_published = False
    with moved(began + timedelta(seconds=5)):
        renewal = work(domain)
    assert (renewal.failures, renewal.error_code) == (1, "acme_unauthorized")
    assert renewal.retry_at
    assert timedelta(minutes=9) < renewal.retry_at - began < timedelta(minutes=11)
    with moved(renewal.retry_at - timedelta(minutes=1)):
        assert work(domain).failures == 1
    with moved(renewal.retry_at + timedelta(seconds=1)):
        renewal = work(domain)
    assert renewal.failures == 2
    assert renewal.retry_at
    assert renewal.retry_at - began > timedelta(minutes=100)

    levels = []
    for percent in (11, 34, 67):
        with moved(began + (end - began) * percent / 100):
            work(domain)
            levels.append(Finding.unscoped.get(domain=domain, code="renewal_overdue", closed_at=None).severity)
    assert levels == ["warning", "warning", "critical"]
    domain.refresh_from_db()
    assert domain.reported_state == "renewal_failed"
    with moved(end + timedelta(seconds=5)):
        work(domain)
        assert Finding.unscoped.filter(domain=domain, code="certificate_expired", closed_at=None).exists()


def test_what_is_overdue_is_over_when_the_successor_is_there(domain: Domain, solver: ByTestDns) -> None:
    turn_on(domain)
    first = work(domain).certificate
    assert first
    # Grown old while nobody looked: a third of the time for repairs has passed.
    age = 71 * DAY
    old = {"not_before": first.not_before - age, "not_after": first.not_after - age}
    Certificate.unscoped.filter(pk=first.pk).update(**old)
    no_word_of_the_ca = {"chosen_at": None, "ask_at": clock.now() + DAY}
    Renewal.unscoped.filter(domain=domain).update(run_after=clock.now(), **no_word_of_the_ca)
    solver.is_published = False
    renewal = work(domain)
    finding = Finding.unscoped.get(domain=domain, code="renewal_overdue", closed_at=None)
    assert (renewal.failures, renewal.level, finding.needs_user) == (1, 2, True)
    solver.is_published = True
    Renewal.unscoped.filter(domain=domain).update(retry_at=None, run_after=clock.now())
    renewal = work(domain)
    assert (renewal.failures, renewal.error_code, renewal.level) == (0, "", 0)
    assert not Finding.unscoped.filter(domain=domain, source="renewal", closed_at=None).exists()


def test_without_anybody_to_prove_it_nothing_is_ordered_and_it_is_told(domain: Domain, solver: ByTestDns) -> None:
    turn_on(domain)
    renewal = work(domain)
    solver.is_there = False
    assert renewal.renew_at
    with moved(renewal.renew_at + timedelta(seconds=5)):
        renewal = work(domain)
    assert (renewal.failures, renewal.error_code) == (1, "renewal_needs_hands")
    assert Issuance.unscoped.filter(domain=domain).count() == 1
    with pytest.raises(NeedsUser, match="renewal_needs_hands"):
        set_automation(domain=domain, actor=SYSTEM, wanted=Automation(names=[f"www.{domain.host}"]))


def test_a_renewal_lives_on_a_record_that_has_just_gone_and_not_on_one_long_gone(
    domain: Domain, dns_server: ChallengeDns
) -> None:
    turn_on(domain)
    renewal = work(domain)
    dns_server.clear_txt(f"_managemycert-verify.{domain.host}")
    Ownership.unscoped.filter(host=domain.host).update(missing_since=clock.now() - 5 * DAY)
    assert renewal.renew_at
    with moved(renewal.renew_at + timedelta(seconds=5)):
        Ownership.unscoped.filter(host=domain.host).update(missing_since=clock.now() - 5 * DAY)
        renewal = work(domain)
        assert len(certificates(domain)) == 2
    assert renewal.renew_at
    with moved(renewal.renew_at + 60 * DAY + timedelta(seconds=5)):
        Ownership.unscoped.filter(host=domain.host).update(missing_since=clock.now() - 31 * DAY)
        renewal = work(domain)
    assert renewal.error_code == "ownership_missing"


def test_one_that_is_deleted_or_revoked_is_replaced_at_once(domain: Domain) -> None:
    turn_on(domain)
    work(domain)
    (first,) = certificates(domain)
    Certificate.unscoped.filter(pk=first.pk).update(revoked_at=clock.now())
    Renewal.unscoped.update(run_after=clock.now())
    work(domain)
    assert len(certificates(domain)) == 2
    for certificate in certificates(domain):
        delete_certificate(certificate=certificate, actor=SYSTEM)
    assert work(domain).certificate == certificates(domain)[0]


def test_one_that_a_person_issues_counts(domain: Domain) -> None:
    """The window is open for a person as for the portal: what comes first is the successor."""
    turn_on(domain)
    renewal = work(domain)
    assert renewal.renew_at
    with moved(renewal.renew_at + timedelta(seconds=1)):
        issuance, _ = start_issuance(domain=domain, wish=read_wish([domain.host]), actor=SYSTEM)
        renewal = work(domain)
    assert len(certificates(domain)) == 2
    assert renewal.certificate == reread(issuance).certificate


def test_turning_it_off_forgets_the_plan_and_keeps_the_certificates(domain: Domain) -> None:
    turn_on(domain)
    work(domain)
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(auto_renew=False))
    domain.refresh_from_db()
    assert (domain.mode, domain.renew_at) == ("dns", None)
    assert not Renewal.unscoped.filter(domain=domain).exists()
    assert [one.renew_at for one in certificates(domain)] == [None]
    said = list(Event.unscoped.filter(kind="domain.automation_changed").order_by("at").values_list("data", flat=True))
    assert [one["renews"] for one in said] == ["by itself", "by hand"]


def api(cast: Cast) -> Client:
    return Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})


def put(cast: Cast, domain: Domain, **body: Any) -> Any:
    url = f"/api/domains/{domain.pk}/automation"
    return api(cast).put(url, json.dumps(body), content_type="application/json")


def test_the_api_turns_it_on_and_off(cast: Cast, domain: Domain, solver: ByTestDns) -> None:
    Rule.objects.for_workspace(cast.acme).delete()
    answer = put(cast, domain, mode="dns", notify=["email"])
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("mode", "auto_renew", "names", "renew_at")} == {
        "mode": "dns",
        "auto_renew": True,
        "names": [domain.host],
        "renew_at": None,
    }
    assert Rule.objects.for_workspace(cast.acme).get().domain == domain
    work(domain)
    shown = api(cast).get(f"/api/domains/{domain.pk}/automation").json()
    assert shown["why"] in ("lifetime", "ari")
    assert shown["renew_at"]
    off = put(cast, domain, mode="monitor").json()
    assert (off["mode"], off["auto_renew"], off["renew_at"]) == ("monitor", False, None)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"mode": "acme_auto", "auto_renew": True}, 409, "auto_renew_incomplete"),
        ({"mode": "upload", "auto_renew": True}, 409, "renewal_needs_mode"),
        ({"mode": "dns", "names": ["no host"]}, 422, "host_malformed"),
        ({"mode": "dns", "auto_renew": True, "names": ["foreign.org"]}, 409, "names_not_proven"),
        ({"notify": ["pigeon"]}, 422, "notify_unknown"),
        ({"mode": "manual"}, 422, "input_invalid"),
    ],
)
def test_the_api_says_what_cannot_be(cast: Cast, domain: Domain, body: dict[str, Any], status: int, code: str) -> None:
    answer = put(cast, domain, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_without_a_solver_it_stays_by_hand(cast: Cast, domain: Domain, solver: ByTestDns) -> None:
    solver.is_there = False
    assert put(cast, domain, mode="dns").json()["auto_renew"] is False
    answer = put(cast, domain, mode="dns", auto_renew=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "renewal_needs_hands")


def test_the_tab_says_when_and_turns_it_on_and_off(cast: Cast, domain: Domain) -> None:
    client = Client()
    client.force_login(cast.admin)
    tab = f"/w/{cast.acme.pk}/domains/{domain.pk}/"
    client.post(f"{tab}renewal/on/")
    work(domain)
    shown = client.get(f"{tab}lets-encrypt/").content.decode()
    assert "Renews by itself" in shown
    assert "by the tests&#x27; DNS" in shown or "by the tests' DNS" in shown
    client.post(f"{tab}renewal/off/")
    assert "Enable auto-renew" in client.get(f"{tab}lets-encrypt/").content.decode()


def test_the_successor_has_the_key_type_of_the_certificate(domain: Domain) -> None:
    issuance, _ = start_issuance(domain=domain, wish=read_wish([domain.host], key_type="rsa-2048"), actor=SYSTEM)
    work_out(issuance)
    turn_on(domain)
    renewal = work(domain)
    assert renewal.certificate == certificates(domain)[0]
    assert renewal.renew_at
    with moved(renewal.renew_at + timedelta(seconds=5)):
        work(domain)
    assert [one.key_type for one in certificates(domain)] == ["rsa-2048", "rsa-2048"]


def test_turning_it_on_again_takes_the_ca_of_now(domain: Domain, settings: Any) -> None:
    turn_on(domain)
    work(domain)
    settings.ACME_DIRECTORY_URL = "https://other.example/dir"
    renewal = turn_on(domain)
    assert (renewal.directory_url, renewal.certificate, renewal.failures) == ("https://other.example/dir", None, 0)


def test_a_host_on_two_ports_has_one_certificate(domain: Domain) -> None:
    other = Domain.objects.create(
        workspace=domain.workspace, host=domain.host, port=8443, verified_at=clock.now(), state="ok"
    )
    turn_on(domain)
    first = work(domain).certificate
    turn_on(other)
    renewal = work(other)
    assert (renewal.certificate, renewal.error_code, renewal.failures) == (first, "", 0)


def test_a_cancelled_renewal_is_not_begun_again_at_once(domain: Domain) -> None:
    turn_on(domain)
    jobs.run_due("renewal")
    cancel_issuance(issuance=Issuance.unscoped.get(domain=domain), actor=SYSTEM)
    renewal = work(domain)
    assert Issuance.unscoped.filter(domain=domain).count() == 1
    assert (renewal.failures, renewal.error_code) == (1, "renewal_cancelled")
    with moved(clock.now() + DAY + timedelta(minutes=1)):
        work(domain)
    assert len(certificates(domain)) == 1


def test_trying_in_vain_for_the_first_one_is_told(domain: Domain, solver: ByTestDns) -> None:
    turn_on(domain)
    solver.is_there = False
    renewal = work(domain)
    first_plan = renewal.renew_at
    finding = Finding.unscoped.get(domain=domain, source="renewal", closed_at=None)
    assert (finding.code, finding.needs_user) == ("renewal_blocked", True)
    with moved(clock.now() + DAY):
        renewal = work(domain)
        assert (renewal.failures, renewal.renew_at) == (2, first_plan)
    solver.is_there = True
    Renewal.unscoped.filter(domain=domain).update(retry_at=None, run_after=clock.now())
    work(domain)
    finding.refresh_from_db()
    assert finding.closed_at
    assert len(certificates(domain)) == 1


def test_an_abandoned_challenge_by_hand_gives_way_after_a_day(domain: Domain, solver: ByTestDns) -> None:
    solver.is_there = False
    waiting, _ = start_issuance(domain=domain, wish=read_wish([domain.host]), actor=SYSTEM)
    work_out(waiting)
    solver.is_there = True
    turn_on(domain)
    assert work(domain).error_code == "renewal_waits"
    Issuance.unscoped.filter(pk=waiting.pk).update(created_at=clock.now() - 2 * DAY)
    Renewal.unscoped.filter(domain=domain).update(retry_at=None, run_after=clock.now())
    work(domain)
    assert reread(waiting).state == State.CANCELLED
    assert len(certificates(domain)) == 1


def test_a_limit_of_the_ca_is_waited_for_as_long_as_it_says(domain: Domain) -> None:
    turn_on(domain)
    jobs.run_due("renewal")
    until = clock.now() + timedelta(hours=3)
    refusal = request_refusal(Problem(kind="rateLimited", detail="slow", status=429), until)
    (row,) = jobs.claim(jobs.kinds.get("issuance"))
    give_up(row, NeedsUser(refusal.code, **refusal.params))
    renewal = work(domain)
    assert renewal.retry_at
    assert renewal.retry_at >= until - timedelta(minutes=1)
