"""The one question: on which target or panel is the wanted certificate not the installed one? The answer is a run.

Wanted is the certificate of the domain's last deployment. Whatever changes the answer (a deployment, a run that failed,
a server that is trusted or entered by another key now, a saved target, another mode) asks here in its own transaction,
so nothing has to sweep.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from auditlog.events import Actor
from config.lib import clock, jobs
from config.lib.errors import ExpectedError, Transient
from deploy.models import Deployment, PanelAccount, PanelTarget, Server, Target, TargetRun
from deploy.panels.naming import panel_label
from domains.models import Mode

RETRIES = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 30, 120, 360, 720))
KIND = "target_run"

# Where a certificate goes.
type Place = Target | PanelTarget


def label_of(place: Place) -> str:
    """How people know it: the server, or the panel's account."""
    return place.server.label if isinstance(place, Target) else panel_label(place.account)


def _at(place: Place) -> dict[str, Any]:
    return {"target": place} if isinstance(place, Target) else {"panel_target": place}


def last_deployment(domain_id: uuid.UUID) -> Deployment | None:
    """One that was undone is wanted no more; the one before it is."""
    rows = Deployment.unscoped.filter(domain_id=domain_id, undone_at=None).select_related("certificate")
    return rows.order_by("-created_at").first()


def is_up_to_date(target: Place, wanted: Deployment) -> bool:
    """Whether the target is known to have what it should have, and nothing went wrong with it."""
    return target.installed_certificate_id == wanted.certificate_id and target.last_status == Target.Status.OK


def is_worth(wanted: Deployment) -> bool:
    """A certificate that is still there, valid and not revoked; nobody wants another one to arrive by itself."""
    certificate = wanted.certificate
    return certificate is not None and certificate.not_after > clock.now() and certificate.revoked_at is None


def reconcile_target(target: Place, *, at: datetime | None = None, interactive: bool = False) -> TargetRun | None:
    """Start what brings the target to its wanted certificate; None when nothing is missing or it is under way.

    Call inside a transaction. Repeatable: at most one open run per target and deployment. What waits for somebody to
    trust its server's host key is not begun.
    """
    if isinstance(target, Target) and not target.server.is_trusted:
        return None
    wanted = last_deployment(target.domain_id)
    if target.is_draft or wanted is None or not is_worth(wanted) or is_up_to_date(target, wanted):
        return None
    if target.domain.mode == Mode.MONITOR and not wanted.runs.filter(**_at(target)).exists():
        return None  # Only monitored: what nobody asked for is not begun, what somebody asked for is completed.
    if open_runs(target).filter(kind=TargetRun.Kind.DEPLOY, deployment=wanted).exists():
        return None
    return start_run(place=target, deployment=wanted, at=at, interactive=interactive)


def reconcile_all(account: PanelAccount) -> None:
    """Every domain that waited for this account. Call inside a transaction; repeatable."""
    rows = PanelTarget.unscoped.filter(account=account, is_draft=False)
    for place in rows.select_related("account", "domain"):
        reconcile_target(place)


def reconcile_server(server: Server) -> None:
    """Every domain that waited for something about this server. Call inside a transaction; repeatable."""
    rows = Target.unscoped.filter(server=server, is_draft=False)
    for place in rows.select_related("server", "domain"):
        reconcile_target(place)


@transaction.atomic
def follow_automation(domain_id: uuid.UUID) -> None:
    """Targets and panels that were added while the domain was only monitored get what the others have. Repeatable."""
    wanted = last_deployment(domain_id)
    if wanted is None:
        return
    asked = wanted.runs.filter(kind=TargetRun.Kind.DEPLOY)
    targets = Target.unscoped.filter(domain=domain_id, is_draft=False).select_related("server", "domain")
    panels = PanelTarget.unscoped.filter(domain=domain_id, is_draft=False).select_related("account", "domain")
    missing: list[Place] = [
        *targets.exclude(pk__in=asked.filter(target__isnull=False).values("target")),
        *panels.exclude(pk__in=asked.filter(panel_target__isnull=False).values("panel_target")),
    ]
    for place in missing:
        reconcile_target(place)


def start_run(
    *, place: Place, deployment: Deployment, at: datetime | None = None, interactive: bool = False
) -> TargetRun:
    """One deploy run, due `at` (now)."""
    by = deployment.requested_by if interactive else ""
    return create_run(place, TargetRun.Kind.DEPLOY, by=by, at=at, interactive=interactive, deployment=deployment)


def start_look(place: Place, kind: TargetRun.Kind, actor: Actor) -> TargetRun:
    """A run that changes nothing, for a person who waits. Works on drafts. One that is under way is returned."""
    rows = TargetRun.objects.for_workspace(place.workspace_id).filter(kind=kind, **_at(place))
    running = rows.filter(state__in=TargetRun.OPEN_STATES).first()
    return running or create_run(place, kind, by=actor.label)


def create_run(
    place: Place,
    kind: TargetRun.Kind,
    *,
    by: str,
    at: datetime | None = None,
    interactive: bool = True,
    deployment: Deployment | None = None,
    deed: str = "",
) -> TargetRun:
    """A run at a server or panel, due `at` (now), and the bell for it."""
    due = at or clock.now()
    target = place if isinstance(place, Target) else None
    panel = place if isinstance(place, PanelTarget) else None
    run = TargetRun.objects.create(
        target=target,
        server=target.server if target else None,
        panel_target=panel,
        panel_account=panel.account if panel else None,
        workspace_id=place.workspace_id,
        kind=kind,
        deed=deed,
        domain=place.domain,
        deployment=deployment,
        certificate=deployment.certificate if deployment else None,
        label=label_of(place),
        requested_by=by,
        run_after=due,
        priority=jobs.INTERACTIVE if interactive else jobs.BACKGROUND,
    )
    jobs.ring(KIND, interactive=interactive, after=max(due - clock.now(), timedelta(0)))
    return run


def plan_retry(run: TargetRun, error: ExpectedError | None) -> TargetRun | None:
    """After a failed run: the next one by itself, later each time, where time alone may help.

    What a person has to change waits for that person: Deploy now, Save deployment settings, Trust this key.
    """
    place = place_of(run)
    due = when_again(place, error) if place else None
    return reconcile_target(place, at=due) if place and due else None


def when_again(place: Place, error: ExpectedError | None) -> datetime | None:
    """When what has just failed there is tried again by itself; None where time alone does not help."""
    if not isinstance(error, Transient):
        return None
    due = clock.now() + RETRIES[min(place.failures - 1, len(RETRIES) - 1)]
    return max(due, error.retry_at) if error.retry_at else due


def place_of(run: TargetRun) -> Place | None:
    """As it is stored by now; None when it is gone."""
    if run.panel_target_id:
        panels = PanelTarget.unscoped.select_related("account", "domain")
        return panels.filter(pk=run.panel_target_id).first()
    return Target.unscoped.select_related("server", "domain").filter(Q(pk=run.target_id)).first()


def open_runs(place: Place) -> QuerySet[TargetRun]:
    """What is to change something there and has not ended."""
    kinds = (TargetRun.Kind.DEPLOY, TargetRun.Kind.UNDO)
    return TargetRun.unscoped.filter(kind__in=kinds, state__in=TargetRun.OPEN_STATES, **_at(place))
