"""How a deployment stands as a whole, once none of its runs is open."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from auditlog.events import record
from certificates.models import Certificate
from config.lib import clock
from deploy.models import Deployment, TargetRun
from deploy.reconcile import last_deployment
from deploy.result import NOTHING_KEPT, SUPERSEDED
from domains.findings import close_finding, open_finding
from domains.models import Domain
from domains.visit import ask_for_visit

State = TargetRun.State
# Beyond the position of any server.
PANELS = 100_000
FINDING = "partial_deploy"
SOURCE = "deploy"


def current_runs(deployment: Deployment) -> list[TargetRun]:
    """Of each target the newest run that has begun, in the order of the targets; a retry replaces the run before it.

    A retry that waits for its time hides nothing of the failure that it waits for: see `next_try`.
    Reads `deployment.runs` with their targets, so a list of deployments prefetches those.
    """
    newest: dict[uuid.UUID, TargetRun] = {}
    for run in sorted(deploy_runs(deployment), key=lambda run: run.created_at):
        key = run.place_id
        if run.started_at or key not in newest or not newest[key].started_at:
            newest[key] = run
    return sorted(newest.values(), key=lambda run: (_position(run), run.created_at))


def _position(run: TargetRun) -> int:
    """Servers in their order, panels after them, and last what is gone."""
    return run.target.position if run.target else PANELS if run.panel_target_id else PANELS + 1


def deploy_runs(deployment: Deployment) -> list[TargetRun]:
    """Without those that undid it."""
    return [run for run in deployment.runs.all() if run.kind == TargetRun.Kind.DEPLOY]


def next_try(deployment: Deployment, run: TargetRun) -> datetime | None:
    """When the target of an ended run is tried again by itself; reads what `current_runs` reads."""
    waiting = [one for one in deploy_runs(deployment) if one.place_id == run.place_id and one.state == State.WAITING]
    later = [one.run_after for one in waiting if one.pk != run.pk and one.run_after]
    return min(later, default=None)


def settle_deployment(deployment: Deployment) -> None:
    """Sum up, inside the transaction that ended a run. Records the outcome when it is a new one.

    A retry that waits for its time does not keep the deployment open: what it retries has failed by now.
    """
    lock_domain(deployment)
    runs = _ended_runs(deployment)
    if runs is None:
        return
    state = _state_of(runs)
    rows = Deployment.unscoped.filter(pk=deployment.pk).exclude(state=state)
    is_new = rows.update(state=state, ended_at=clock.now())
    if _is_superseded(deployment):
        return
    if is_new:
        _record(deployment, runs, state)
    # Also where the state stays: another server may be the one that fails now.
    runs = [run for run in runs if run.has_place]
    _file_finding(deployment.domain, runs, _not_undone(deployment.domain, runs, since=deployment.created_at))
    if is_new and state != Deployment.State.FAILED:
        ask_for_visit(domain=deployment.domain)  # The domain's own state is about what was served before.


def settle_domain(domain: Domain) -> None:
    """Sum up after an `Undo last deploy`, or without a place that is gone: by the deployment that speaks for it now."""
    standing = last_deployment(domain.pk)
    if standing is not None:
        settle_deployment(standing)
    else:
        _file_finding(domain, [], _not_undone(domain, []))


def _not_undone(domain: Domain, runs: Sequence[TargetRun], *, since: datetime | None = None) -> list[TargetRun]:
    """The undoings that failed where nothing has ended since: what was undone still lies there."""
    rows = TargetRun.unscoped.filter(domain=domain, kind=TargetRun.Kind.UNDO, ended_at__isnull=False)
    rows = rows.filter(target__is_draft=False).exclude(error_code__in=(NOTHING_KEPT, SUPERSEDED))
    rows = rows.filter(created_at__gt=since) if since else rows
    in_order = sorted([*rows, *runs], key=lambda run: run.ended_at or run.created_at)
    newest = {run.place_id: run for run in in_order}
    return [run for run in newest.values() if run.kind == TargetRun.Kind.UNDO and run.state != State.SUCCEEDED]


def lock_domain(deployment: Deployment) -> None:
    """Let the ends of a domain's runs see one another: two at once would each find the other one open.

    The domain, as `start_deployment` does, and before any row is made that refers to it. Repeatable.
    """
    rows = Domain.unscoped.select_for_update(no_key=True).filter(pk=deployment.domain_id)
    rows.values_list("pk", flat=True).first()


def _is_superseded(deployment: Deployment) -> bool:
    """Whether another deployment speaks for the domain now: a later one, or an earlier one since this was undone."""
    standing = last_deployment(deployment.domain_id)
    return standing is None or standing.pk != deployment.pk


def _ended_runs(deployment: Deployment) -> list[TargetRun] | None:
    """Of each target its newest run that has ended; None while one of its first runs is still open.

    What was removed since counts no more, unless nothing else is left of the deployment.
    """
    rows = TargetRun.unscoped.filter(deployment=deployment, kind=TargetRun.Kind.DEPLOY).order_by("created_at")
    if _has_first_open(rows):
        return None
    runs = list({run.place_id: run for run in rows.select_related("target") if not run.is_open}.values())
    return [run for run in runs if run.has_place] or runs


def _has_first_open(rows: QuerySet[TargetRun]) -> bool:
    """Whether a target has no end yet. Reads little of each row: every end among a thousand targets asks."""
    ended: set[uuid.UUID] = set()
    for pk, target, panel_target, state in rows.values_list("pk", "target", "panel_target", "state"):
        place = target or panel_target or pk
        if state not in TargetRun.OPEN_STATES:
            ended.add(place)
        elif place not in ended:
            return True
    return False


def _state_of(runs: Sequence[TargetRun]) -> str:
    states = {run.state for run in runs}
    if states == {State.SUCCEEDED}:
        return Deployment.State.DEPLOYED
    return Deployment.State.FAILED if states <= {State.FAILED} else Deployment.State.PARTIAL


def _record(deployment: Deployment, runs: Sequence[TargetRun], state: str) -> None:
    kinds = {
        Deployment.State.DEPLOYED: "deployment.succeeded",
        Deployment.State.PARTIAL: "deployment.partial",
        Deployment.State.FAILED: "deployment.failed",
    }
    record(
        kinds[Deployment.State(state)],
        workspace_id=deployment.workspace_id,
        domain_id=deployment.domain_id,
        domain_label=deployment.domain.label,
        run_id=deployment.pk,
        data=outcome_data(deployment, runs),
    )


def outcome_data(deployment: Deployment, runs: Sequence[TargetRun]) -> dict[str, Any]:
    """What the mail about an outcome tells; see the kind's entry in auditlog.kinds."""
    return {
        "deployment": str(deployment.pk),
        "fingerprint_sha256": deployment.fingerprint_sha256,
        "summary": summary(runs),
        "requested_by": deployment.requested_by,
        "targets": [_target_data(run) for run in runs],
        **_certificate_data(deployment.certificate),
    }


def _certificate_data(certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {"names": "", "issuer": "", "not_before": "", "not_after": ""}
    return {
        "names": ", ".join(certificate.names),
        "issuer": certificate.issuer,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
    }


def _target_data(run: TargetRun) -> dict[str, Any]:
    return {
        "server": run.label,
        "state": run.outcome or "failed",
        "files": run.files,
        "commands": [{"command": one["command"], "exit_code": one["exit_code"]} for one in run.commands],
        "code": run.error_code,
        "params": run.error_params,
    }


def summary(runs: Sequence[TargetRun]) -> str:
    """`2 of 3 targets serve it`, in the words of what was found out."""
    serving = sum(run.outcome == TargetRun.Outcome.SERVING for run in runs)
    installed = sum(run.outcome == TargetRun.Outcome.INSTALLED for run in runs)
    noun = "target" if len(runs) == 1 else "targets"
    said = [f"{serving} of {len(runs)} {noun} {'serves' if serving == 1 else 'serve'} it"]
    if installed:
        said.append(f"{installed} {'has' if installed == 1 else 'have'} the files")
    failed = len(runs) - serving - installed
    if failed:
        said.append(f"{failed} failed")
    return ", ".join(said)


def _file_finding(domain: Domain, runs: Sequence[TargetRun], not_undone: Sequence[TargetRun]) -> None:
    """Open until every target is OK: silence would look like success."""
    elsewhere = {run.place_id for run in not_undone}
    told = [*(run for run in runs if run.place_id not in elsewhere), *not_undone]
    failing = [run.label for run in told if run.state != State.SUCCEEDED]
    if not failing:
        close_finding(domain=domain, source=SOURCE, code=FINDING)
        return
    is_none_as_before = all(run.state == State.FAILED for run in told)
    open_finding(
        domain=domain,
        source=SOURCE,
        code=FINDING,
        params={"servers": failing, "summary": summary(told) if runs else "Undo last deploy failed"},
        severity="critical" if is_none_as_before else "warning",
        needs_user=True,
    )
