"""What is old goes, once a day and a piece at a time; what is under way, recent, or still shown stays."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from accounts import mail
from accounts.chores import FORGOTTEN_AT_ONCE, chores, forget_some
from accounts.models import PlatformMail
from auditlog.events import record
from auditlog.models import Event, PendingReaction
from certificates.forgetting import forget_old_issuances
from certificates.models import Certificate, Issuance, Renewal
from config.lib import clock
from config.lib.sealed import Sealed
from deploy.forgetting import forget_old_deployments, forget_old_looks
from deploy.models import Deployment, RunStep, Target, TargetRun
from domains.forgetting import forget_old_findings, forget_old_inspections
from domains.models import Domain, Finding, Inspection, Visit
from notifications.forgetting import forget_old_deliveries, forget_old_tickets, forget_reactions
from notifications.models import Delivery, Ticket
from tests.cast import Cast, make_cast
from tests.rows import Rows

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
NOW = clock.now()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def rows(cast: Cast) -> Rows:
    return Rows(cast.acme, cast.admin)


@pytest.fixture
def domain(rows: Rows) -> Any:
    return rows.of(Domain)


def ago(days: float) -> Any:
    return NOW - timedelta(days=days)


def make(model: Any, **fields: Any) -> Any:
    return model.objects.create(**fields)


def keys_of(model: Any) -> set[Any]:
    return set(model._default_manager.values_list("pk", flat=True))


def delivery(cast: Cast, **fields: Any) -> Any:
    told = {"event_kind": "domain.deleted", "dedup_key": str(uuid.uuid4()), "state": "sent", **fields}
    return make(Delivery, workspace=cast.acme, **told)


def test_deliveries_go_once_they_were_settled_long_ago(cast: Cast) -> None:
    delivery(cast, settled_at=ago(181))
    young = delivery(cast, settled_at=ago(179), created_at=ago(400))
    waiting = delivery(cast, created_at=ago(400), state="waiting", run_after=NOW)
    assert not forget_old_deliveries()
    assert keys_of(Delivery) == {young.pk, waiting.pk}


def test_the_setting_says_how_long(cast: Cast, settings: Settings) -> None:
    settings.KEEP_DELIVERIES_DAYS = 30
    delivery(cast, settled_at=ago(31))
    kept = delivery(cast, settled_at=ago(29))
    forget_old_deliveries()
    assert keys_of(Delivery) == {kept.pk}


def test_closed_tickets_go_and_open_ones_stay(rows: Rows) -> None:
    ticket = rows.of(Ticket)
    Ticket.unscoped.update(created_at=ago(900), ended_at=ago(900))
    forget_old_tickets()
    assert keys_of(Ticket) == {ticket.pk}
    Ticket.unscoped.update(resolved_at=ago(181))
    forget_old_tickets()
    assert keys_of(Ticket) == set()


def test_reactions_go_when_they_are_done_or_were_given_up_long_ago(cast: Cast) -> None:
    found = {}
    for name, days, fields in (
        ("done", 0, {"is_done": True, "run_after": None}),
        ("due", 900, {}),
        ("given up", 179, {"run_after": None}),
        ("given up long ago", 181, {"run_after": None}),
    ):
        with clock.frozen(ago(days)):
            event = record("domain.deleted", workspace_id=cast.acme.pk)
        PendingReaction.objects.filter(event_id=event.pk).update(**fields)
        found[name] = event.pk
    forget_reactions()
    assert keys_of(PendingReaction) >= {found["due"], found["given up"]}
    assert not keys_of(PendingReaction) & {found["done"], found["given up long ago"]}
    assert Event.unscoped.filter(pk__in=found.values()).count() == 4


def test_mails_that_have_gone_out_go_and_those_that_wait_stay() -> None:
    def written(**fields: Any) -> Any:
        told = {"to": "a@example.org", "template": "invitation", "sealed_context": Sealed.of("{}"), **fields}
        return PlatformMail.objects.create(**told)

    written(state="sent", created_at=ago(31))
    written(state="failed", created_at=ago(31))
    waiting = written(state="waiting", created_at=ago(31), run_after=NOW)
    young = written(state="sent", created_at=ago(29))
    mail.forget_old_mails()
    assert keys_of(PlatformMail) == {waiting.pk, young.pk}


def inspection(domain: Any, **fields: Any) -> Any:
    told = {"seen_at": ago(1000), "digest": str(uuid.uuid4()), **fields}
    return make(Inspection, workspace_id=domain.workspace_id, domain=domain, **told)


def test_the_last_inspection_of_a_domain_stays_however_old(domain: Any) -> None:
    current = inspection(domain, last_seen_at=ago(900))  # it came back
    inspection(domain, last_seen_at=ago(731))
    young = inspection(domain, last_seen_at=ago(729))
    never_lost = inspection(domain)
    Visit.unscoped.filter(domain=domain).update(inspection=current, visited_at=ago(900), error_code="timed_out")
    forget_old_inspections()
    assert keys_of(Inspection) == {current.pk, young.pk, never_lost.pk}


def test_findings_go_when_they_have_not_been_so_for_long(domain: Any) -> None:
    def found(**fields: Any) -> Any:
        return make(Finding, workspace_id=domain.workspace_id, domain=domain, severity="info", **fields)

    still_so = found(code="a", opened_at=ago(900))
    young = found(code="b", opened_at=ago(900), closed_at=ago(364))
    found(code="c", opened_at=ago(900), closed_at=ago(366))
    forget_old_findings()
    assert keys_of(Finding) == {still_so.pk, young.pk}


def deployment(domain: Any, days: float, *, state: str = "deployed", **fields: Any) -> Any:
    told = {"workspace_id": domain.workspace_id, "domain": domain, "created_at": ago(days)}
    made = make(Deployment, fingerprint_sha256="ab", state=state, **told, **fields)
    run_state = "waiting" if state == "running" else "succeeded"
    run = make(TargetRun, kind="deploy", state=run_state, deployment=made, **told)
    make(RunStep, workspace_id=domain.workspace_id, run=run, position=1, name="Connect")
    return made


def test_old_deployments_go_with_their_steps_but_the_last_and_what_is_under_way(domain: Any) -> None:
    deployment(domain, 1000)
    running = deployment(domain, 950, state="running")
    last = deployment(domain, 900)
    undone = deployment(domain, 800, undone_at=ago(799))
    forget_old_deployments()
    assert keys_of(Deployment) == {running.pk, last.pk, undone.pk}
    deployed = deployment(domain, 731)
    young = deployment(domain, 1)
    forget_old_deployments()
    assert keys_of(Deployment) == {running.pk, young.pk}
    assert deployed.pk not in keys_of(Deployment)
    assert RunStep.unscoped.count() == TargetRun.unscoped.count() == 2


def test_where_a_key_lies_that_is_still_valid_is_not_forgotten(rows: Rows, domain: Any) -> None:
    certificate = rows.of(Certificate)
    Certificate.unscoped.filter(pk=certificate.pk).update(domain=domain, not_after=ago(-1))
    kept = deployment(domain, 900, certificate=certificate)
    last = deployment(domain, 1)
    forget_old_deployments()
    assert keys_of(Deployment) == {kept.pk, last.pk}
    Certificate.unscoped.update(not_after=ago(1))
    forget_old_deployments()
    assert keys_of(Deployment) == {last.pk}


def test_the_last_look_of_each_kind_at_each_place_stays(rows: Rows, domain: Any) -> None:
    def look(days: float, **fields: Any) -> Any:
        told = {"workspace_id": domain.workspace_id, "domain": domain, "created_at": ago(days), "state": "failed"}
        return make(TargetRun, **{**told, "kind": "test", "target": rows.of(Target), **fields})

    look(1000)
    kept = [look(900), look(1000, kind="detect"), look(1000, state="running"), look(700, target=None)]
    look(1000, target=None)
    assert not forget_old_looks()
    assert keys_of(TargetRun) == {row.pk for row in kept}


def test_old_issuances_go_and_certificates_stay(rows: Rows, domain: Any) -> None:
    def issuance(days: float, **fields: Any) -> Any:
        told = {"workspace_id": domain.workspace_id, "domain": domain, "created_at": ago(days), "ended_at": ago(days)}
        return make(Issuance, state="issued", names_key=str(days), **told, **fields)

    certificate = rows.of(Certificate)
    issuance(1000, certificate=certificate)
    odd = issuance(990, private_key=certificate.private_key or rows.called("private-key"))
    named = issuance(980)
    Renewal.objects.create(workspace_id=domain.workspace_id, domain=domain, issuance=named)
    last = issuance(900)
    forget_old_issuances()
    assert keys_of(Issuance) == {odd.pk, named.pk, last.pk}
    assert keys_of(Certificate) == {certificate.pk}


def test_a_piece_is_bounded_and_says_whether_more_is_left(cast: Cast) -> None:
    for _ in range(3):
        delivery(cast, settled_at=ago(500))
    old = Delivery.unscoped.filter(settled_at__lt=ago(181)).order_by("settled_at")
    assert FORGOTTEN_AT_ONCE == 1000
    assert forget_some(old, 2)
    assert Delivery.unscoped.count() == 1
    assert not forget_some(old, 2)


FORGETTERS: dict[str, Callable[[], bool]] = {
    "old mails": mail.forget_old_mails,
    "old deliveries": forget_old_deliveries,
    "old tickets": forget_old_tickets,
    "worked reactions": forget_reactions,
    "old inspections": forget_old_inspections,
    "old findings": forget_old_findings,
    "old deployments": forget_old_deployments,
    "old looks at servers": forget_old_looks,
    "old issuances": forget_old_issuances,
}


@pytest.mark.parametrize("name", FORGETTERS)
def test_each_is_a_daily_chore(name: str) -> None:
    assert chores.get(name).every == timedelta(days=1)
    assert chores.get(name).run() is False  # `later` finds the function
