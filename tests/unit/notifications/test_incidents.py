"""Findings as incidents: acknowledged with a note by page and API, which ends the reminders; and the Alerts tab."""

from datetime import timedelta

import pytest
from django.test import Client

from auditlog.events import SYSTEM, Actor, sentence
from auditlog.models import Event
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from domains.findings import close_finding, open_finding
from domains.models import Domain, Finding
from notifications.incidents.acknowledging import acknowledge, unacknowledge
from notifications.models import Alarm, Delivery, Trigger, Watch
from notifications.rules.watching import domains_moved
from tests.cast import Cast, make_cast
from tests.unit.notifications.watched import make_rule, only, watched

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ANN = Actor("user", label="ann@example.org")
HOUR = timedelta(hours=1)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return watched(cast.acme, "shop.example.org", days=20.5)


@pytest.fixture
def client(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


def trouble(domain: Domain, code: str = "chain_invalid", severity: str = "critical") -> Finding:
    return open_finding(domain=domain, source="visit", code=code, severity=severity, params={"not_after": "2026-12-02"})


def tab(domain: Domain, rest: str = "") -> str:
    return f"/w/{domain.workspace_id}/domains/{domain.pk}/alerts/{rest}"


def page(answer: object) -> str:
    return str(answer.content.decode()).replace("<wbr>", "")  # type: ignore[attr-defined]


def sweep(after: timedelta = timedelta(0)) -> int:
    """How many messages there are after another look at the rules, `after` from now."""
    with clock.shifted(after):
        jobs.run_due("watch")
    return Delivery.unscoped.count()


def test_acknowledging_keeps_who_and_why_and_leaves_it_open(domain: Domain) -> None:
    finding = trouble(domain)
    acknowledge(finding=finding, actor=ANN, note=" Ann replaces\r\nit ")
    finding.refresh_from_db()
    assert finding.closed_at is None
    assert finding.acknowledged_at
    assert (finding.acknowledged_by, finding.note) == ("ann@example.org", "Ann replaces\nit")
    event = Event.unscoped.get(kind="finding.acknowledged")
    assert sentence(event).startswith("ann@example.org acknowledged on shop.example.org: ")
    assert event.data["note"] == "Ann replaces\nit"


def test_again_changes_nothing_and_another_note_is_taken(domain: Domain) -> None:
    finding = trouble(domain)
    for note in ("one", "one", "two"):
        acknowledge(finding=finding, actor=ANN, note=note)
    finding.refresh_from_db()
    assert finding.note == "two"
    assert Event.unscoped.filter(kind="finding.acknowledged").count() == 2


def test_taking_it_back_forgets_it(domain: Domain) -> None:
    finding = trouble(domain)
    acknowledge(finding=finding, actor=ANN, note="x")
    for _ in range(2):
        unacknowledge(finding=finding, actor=SYSTEM)
    finding.refresh_from_db()
    assert (finding.acknowledged_at, finding.acknowledged_by, finding.note) == (None, "", "")
    assert Event.unscoped.filter(kind="finding.unacknowledged").count() == 1


def test_what_is_over_cannot_be_acknowledged(domain: Domain) -> None:
    finding = trouble(domain)
    close_finding(domain=domain, source="visit", code=finding.code)
    with pytest.raises(NeedsUser, match="finding_closed"):
        acknowledge(finding=finding, actor=ANN, note="")
    with pytest.raises(NeedsUser, match="finding_closed"):
        unacknowledge(finding=finding, actor=ANN)


def test_what_comes_back_is_another_incident(domain: Domain) -> None:
    finding = trouble(domain)
    acknowledge(finding=finding, actor=ANN, note="x")
    close_finding(domain=domain, source="visit", code=finding.code)
    assert trouble(domain).acknowledged_at is None


def test_acknowledging_ends_the_reminders_and_taking_it_back_goes_on(cast: Cast, domain: Domain) -> None:
    only(cast.acme, trigger=Trigger.PROBLEM)
    finding = trouble(domain)
    domains_moved([domain.pk])
    assert sweep() == 1
    assert sweep(25 * HOUR) == 2
    acknowledge(finding=finding, actor=ANN, note="")
    assert sweep(60 * HOUR) == 2
    unacknowledge(finding=finding, actor=ANN)
    assert sweep(61 * HOUR) == 3


def test_acknowledging_that_it_expires_ends_the_alarms_about_days(cast: Cast, domain: Domain) -> None:
    only(cast.acme, days_before_expiry=30)
    finding = trouble(domain, "expiring", "warning")
    domains_moved([domain.pk])
    assert sweep() == 1
    acknowledge(finding=finding, actor=ANN, note="planned")
    assert Alarm.unscoped.get().acknowledged_at
    assert sweep(15 * 24 * HOUR) == 1
    unacknowledge(finding=finding, actor=ANN)
    assert Alarm.unscoped.get().acknowledged_at is None
    assert sweep(15 * 24 * HOUR + HOUR) == 2


def test_who_acknowledged_that_it_expires_is_told_of_the_end_by_a_rule_about_problems(
    cast: Cast, domain: Domain
) -> None:
    only(cast.acme, days_before_expiry=30)
    problems = make_rule(cast.acme, name="Problems", trigger=Trigger.PROBLEM)
    finding = trouble(domain, "expiring", "warning")
    domains_moved([domain.pk])
    assert sweep() == 1
    acknowledge(finding=finding, actor=ANN, note="planned")
    close_finding(domain=domain, source="visit", code="expiring")
    trouble(domain, "expired", "critical")
    assert sweep(40 * 24 * HOUR) == 2
    assert Delivery.unscoped.latest("created_at").rule == problems


def test_acknowledging_something_else_leaves_the_alarms_about_days(cast: Cast, domain: Domain) -> None:
    only(cast.acme, days_before_expiry=30)
    domains_moved([domain.pk])
    sweep()
    acknowledge(finding=trouble(domain), actor=ANN, note="")
    assert Alarm.unscoped.get().acknowledged_at is None


def test_its_rules_are_looked_at_again_at_once(cast: Cast, domain: Domain) -> None:
    domains_moved([domain.pk])
    Watch.unscoped.update(run_after=clock.now() + 20 * HOUR)
    acknowledge(finding=trouble(domain), actor=ANN, note="")
    due = Watch.unscoped.get().run_after
    assert due
    assert due <= clock.now()


def test_the_tab_shows_what_is_wrong_what_comes_and_what_was_sent(cast: Cast, domain: Domain, client: Client) -> None:
    only(cast.acme, days_before_expiry=30, name="Thirty days")
    finding = trouble(domain)
    domains_moved([domain.pk])
    sweep()
    shown = page(client.get(tab(domain)))
    assert "Thirty days" in shown
    assert "30 days before expiry" in shown
    assert "again after the cooldown" in shown
    assert "platform mail to admin@example.org" in shown
    assert "the certificate expires in 20 days" in shown
    answer = page(client.post(tab(domain, f"{finding.pk}/acknowledge/"), {"note": "Ann does <b>it</b>"}, follow=True))
    assert "Ann does &lt;b&gt;it&lt;/b&gt;" in answer
    assert "Remind again" in answer
    assert "Remind again" not in page(client.post(tab(domain, f"{finding.pk}/remind/"), follow=True))


def test_the_tab_stands_before_the_activity_log(domain: Domain, client: Client) -> None:
    shown = page(client.get(tab(domain)))
    assert shown.index(">Site uptime<") < shown.index(">Alerts<") < shown.index(">Activity log<")
    assert "Nothing is wrong" in shown
    assert "Nothing was sent about this domain yet" in shown


def test_before_ownership_it_says_what_unlocks_it(cast: Cast, client: Client) -> None:
    domain = watched(cast.acme, "new.example.org", verified_at=None, state="unverified")
    shown = page(client.get(tab(domain)))
    assert "Waits for the ownership record" in shown
    assert "ownership is not proven yet" in shown
    assert "Nothing is wrong" not in shown


def test_members_see_it_without_whom_it_goes_to_and_without_buttons(cast: Cast, domain: Domain) -> None:
    finding = trouble(domain)
    domains_moved([domain.pk])
    sweep()
    client = Client()
    client.force_login(cast.member)
    shown = page(client.get(tab(domain)))
    assert "30 days before expiry" in shown
    assert "admin@example.org" not in shown
    assert "Acknowledge" not in shown
    assert client.post(tab(domain, f"{finding.pk}/acknowledge/")).status_code == 403


@pytest.mark.parametrize("note", ["x" * 1_001, "x\0y"])
def test_a_note_that_cannot_be_kept_harms_nothing(domain: Domain, client: Client, note: str) -> None:
    finding = trouble(domain)
    answer = page(client.post(tab(domain, f"{finding.pk}/acknowledge/"), {"note": note}, follow=True))
    finding.refresh_from_db()
    if len(note) > 1_000:
        assert "The note is too long" in answer
        assert finding.acknowledged_at is None
    else:
        assert finding.note == "x\N{REPLACEMENT CHARACTER}y"


def test_a_finding_of_another_domain_is_not_found(cast: Cast, domain: Domain, client: Client) -> None:
    other = trouble(watched(cast.acme, "other.example.org"))
    assert client.post(tab(domain, f"{other.pk}/acknowledge/")).status_code == 404


def test_the_api_acknowledges_and_takes_back(cast: Cast, domain: Domain) -> None:
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})
    finding = trouble(domain)
    (listed,) = client.get(f"/api/domains/{domain.pk}").json()["findings"]
    assert (listed["id"], listed["acknowledged_at"], listed["note"]) == (str(finding.pk), None, "")
    path = f"/api/domains/{domain.pk}/findings/{finding.pk}/acknowledge"
    made = client.post(path, {"note": "known"}, content_type="application/json")
    assert made.status_code == 200
    assert (made.json()["note"], made.json()["code"]) == ("known", "chain_invalid")
    assert made.json()["acknowledged_by"]
    (listed,) = client.get(f"/api/domains/{domain.pk}").json()["findings"]
    assert listed == made.json()
    assert client.delete(path).json()["acknowledged_at"] is None
    close_finding(domain=domain, source="visit", code=finding.code)
    over = client.post(path, {}, content_type="application/json")
    assert (over.status_code, over.json()["code"]) == (409, "finding_closed")
