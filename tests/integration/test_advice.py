"""What a CA says about certificates that people renew: asked once a day, told until there is another."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from auditlog.events import SYSTEM
from certificates.gates import read_wish, require_open_window
from certificates.issuance import start_issuance
from certificates.models import AcmeAccount, Advice, Certificate, Issuance
from certificates.renewal.by_hand import EVERY, plan_some
from certificates.renewal.plan import Automation, set_automation
from certificates.solvers import solvers
from config.lib import clock, jobs
from config.lib.errors import NeedsUser, describe
from domains.models import Domain, Finding
from tests.cast import make_cast
from tests.integration.issuing import use_ca, verified_domain, work_out
from tests.integration.renewing import by_test_dns, certificates, turn_on, work
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
DAY = timedelta(days=1)
WHY = "https://ca.example/incident"
CODE = "ca_wants_renewal_by_hand"
type Suggest = Callable[[timedelta], None]


@pytest.fixture
def domain(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """With a certificate on file that nobody renews any more."""
    if not pebble_server.has_renewal_info():
        pytest.skip("this Pebble makes no suggestions (2.7 and later do)")
    use_ca(settings, pebble_server, dns_server)
    by_test_dns(dns_server, monkeypatch)
    domain = verified_domain(make_cast().acme, f"h{uuid.uuid4().hex[:8]}.net", dns_server)
    turn_on(domain)
    work(domain)
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(None, auto_renew=False))
    return domain


@pytest.fixture
def certificate(domain: Domain) -> Certificate:
    (one,) = certificates(domain)
    return one


@pytest.fixture
def admin(domain: Domain) -> Client:
    client = Client()
    client.force_login(domain.workspace.memberships.get(role="admin").user)
    return client


@pytest.fixture
def suggest(certificate: Certificate, pebble_server: Pebble) -> Suggest:
    def put(end: timedelta) -> None:
        now = clock.now()
        told = {"start": (now + end - DAY).isoformat(), "end": (now + end).isoformat()}
        answer = json.dumps({"suggestedWindow": told, "explanationURL": WHY})
        pebble_server.set_renewal_info(certificate.leaf_pem, answer)

    return put


def asked() -> Advice:
    """The next day."""
    plan_some()
    Advice.unscoped.update(run_after=clock.now(), ask_at=None)
    jobs.run_due("advice")
    return Advice.unscoped.get()


def told() -> list[str]:
    return list(Finding.unscoped.filter(source="renewal", closed_at=None).values_list("code", flat=True))


def test_a_day_s_worth_is_spread_and_planned_once(certificate: Certificate) -> None:
    assert plan_some() is False
    row = Advice.unscoped.get()
    assert row.run_after
    assert timedelta(0) <= row.run_after - row.domain.created_at <= EVERY + timedelta(minutes=5)
    plan_some()
    assert Advice.unscoped.get().run_after == row.run_after


def test_a_window_in_the_past_is_told_with_what_to_do(certificate: Certificate, suggest: Suggest) -> None:
    row = asked()
    assert told() == []
    assert row.ask_at == row.run_after
    assert row.ask_at
    assert EVERY - timedelta(minutes=1) < row.ask_at - clock.now() <= EVERY
    suggest(-DAY)
    for _ in range(2):
        asked()
    found = Finding.unscoped.get(code=CODE)
    assert (found.severity, found.needs_user) == ("warning", True)
    assert WHY in describe(CODE, found.params).why
    assert "Let's Encrypt tab" in describe(CODE, found.params).fix
    suggest(40 * DAY)
    asked()
    assert told() == []


def test_the_next_certificate_ends_it_without_another_question(
    domain: Domain, certificate: Certificate, suggest: Suggest
) -> None:
    suggest(-DAY)
    row = asked()
    assert told() == [CODE]
    jobs.run_due("advice")
    certificate.pk = uuid.uuid4()
    certificate.fingerprint_sha256 = "ab" * 32
    certificate.created_at = clock.now()
    certificate.save(force_insert=True)
    Advice.unscoped.update(run_after=clock.now())
    jobs.run_due("advice")
    assert told() == []
    assert Advice.unscoped.get().ask_at == row.ask_at


def test_what_the_ca_wants_replaced_can_be_issued_by_hand(
    domain: Domain, certificate: Certificate, suggest: Suggest, admin: Client
) -> None:
    """Long before its time, and only while the CA says so."""
    tab = f"/w/{domain.workspace_id}/domains/{domain.pk}/lets-encrypt/"
    wish = read_wish([domain.host])
    with pytest.raises(NeedsUser, match="issuance_window"):
        start_issuance(domain=domain, wish=wish, actor=SYSTEM)
    suggest(-DAY)
    asked()
    solvers.get("tests").is_there = False  # type: ignore[attr-defined]  # The one of these tests.
    shown = admin.get(tab).content.decode()
    solvers.get("tests").is_there = True  # type: ignore[attr-defined]
    assert "possible now, because its CA wants it replaced" in shown
    assert "A valid certificate is already on file" not in shown
    issuance, _ = start_issuance(domain=domain, wish=wish, actor=SYSTEM)
    assert work_out(issuance).state == Issuance.State.ISSUED
    assert len(certificates(domain)) == 2
    with pytest.raises(NeedsUser, match="issuance_window"):
        start_issuance(domain=domain, wish=wish, actor=SYSTEM)


def test_the_window_closes_when_the_ca_takes_its_word_back(
    domain: Domain, certificate: Certificate, suggest: Suggest
) -> None:
    suggest(-DAY)
    asked()
    require_open_window(domain.workspace, read_wish([domain.host]))
    suggest(40 * DAY)
    asked()
    with pytest.raises(NeedsUser, match="issuance_window"):
        require_open_window(domain.workspace, read_wish([domain.host]))


def test_a_ca_that_does_not_answer_changes_nothing(certificate: Certificate, suggest: Suggest) -> None:
    suggest(-DAY)
    asked()
    for rows in (Certificate.unscoped, AcmeAccount.unscoped):
        rows.update(directory_url="https://127.0.0.1:1/dir")
    row = asked()
    assert told() == [CODE]
    assert row.wanted == [str(certificate.pk)]
    assert row.ask_at
    assert row.ask_at > clock.now()


def test_whoever_turns_auto_renew_on_leaves_it_to_the_sweep(domain: Domain, certificate: Certificate) -> None:
    asked()
    turn_on(domain)
    jobs.run_due("advice")
    assert Advice.unscoped.get().run_after is None
    work(domain)
    plan_some()
    assert Advice.unscoped.get().run_after is None
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(None, auto_renew=False))
    plan_some()
    assert Advice.unscoped.get().run_after is not None


def test_what_is_revoked_or_over_is_not_asked_about(certificate: Certificate) -> None:
    asked()
    Certificate.unscoped.update(revoked_at=clock.now())
    assert asked().run_after is None
    assert plan_some() is False
    assert Advice.unscoped.get().run_after is None
