"""Deployments and single runs on servers, step by step."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch, QuerySet, prefetch_related_objects

from auditlog.pages.entries import Entry, Part, Step
from config.lib import errors, wording
from deploy.models import Deployment, RunStep, TargetRun
from domains.models import Domain


class Deployments:
    """One entry per deployment; its parts are the runs on its targets, retries included.

    `leave_out`: those of a domain that are shown elsewhere.
    """

    def __init__(self, leave_out: Callable[[Domain], QuerySet[Deployment]] | None = None) -> None:
        self._leave_out = leave_out

    def newest(
        self, domain: Domain, before: datetime | None, limit: int, *, problems: bool = False
    ) -> list[tuple[datetime, UUID]]:
        rows = Deployment.objects.for_workspace(domain.workspace_id).filter(domain=domain)
        if self._leave_out:
            rows = rows.exclude(pk__in=self._leave_out(domain).values("pk"))
        if problems:
            rows = rows.filter(state__in=(Deployment.State.PARTIAL, Deployment.State.FAILED))
        return _newest(rows, before, limit)

    def entries(self, domain: Domain, keys: Sequence[UUID], unfolded: Container[UUID]) -> list[Entry]:
        rows = Deployment.objects.for_workspace(domain.workspace_id).filter(pk__in=keys).select_related("certificate")
        runs = defaultdict(list)
        for run in _runs(domain).filter(deployment__in=keys):
            runs[run.deployment_id].append(run)
        entries = [(row, runs[row.pk], row.pk in unfolded or _is_live(row, runs[row.pk])) for row in rows]
        _read_steps([run for _, found, is_shown in entries if is_shown for run in found])
        return [_deployment(*entry) for entry in entries]


class SingleRuns:
    """Tests and whatever else is done on one server alone."""

    def newest(
        self, domain: Domain, before: datetime | None, limit: int, *, problems: bool = False
    ) -> list[tuple[datetime, UUID]]:
        rows = TargetRun.objects.for_workspace(domain.workspace_id).filter(domain=domain, deployment=None)
        if problems:
            rows = rows.filter(state__in=(TargetRun.State.PARTIAL, TargetRun.State.FAILED))
        return _newest(rows, before, limit)

    def entries(self, domain: Domain, keys: Sequence[UUID], unfolded: Container[UUID]) -> list[Entry]:
        rows = [(run, run.is_open or run.pk in unfolded) for run in _runs(domain).filter(pk__in=keys)]
        _read_steps([run for run, is_shown in rows if is_shown])
        return [_single(*row) for row in rows]


def _newest(
    rows: QuerySet[Deployment] | QuerySet[TargetRun], before: datetime | None, limit: int
) -> list[tuple[datetime, UUID]]:
    if before:
        rows = rows.filter(created_at__lt=before)
    return list(rows.order_by("-created_at", "-id").values_list("created_at", "id")[:limit])


def _runs(domain: Domain) -> QuerySet[TargetRun]:
    rows = TargetRun.objects.for_workspace(domain.workspace_id).filter(domain=domain)
    return rows.order_by("created_at", "id")


def _read_steps(runs: Sequence[TargetRun]) -> None:
    prefetch_related_objects(runs, Prefetch("steps", queryset=RunStep.unscoped.order_by("position")))


def _deployment(deployment: Deployment, runs: Sequence[TargetRun], is_shown: bool) -> Entry:
    certificate = deployment.certificate
    names = ", ".join(certificate.names) if certificate else f"{deployment.fingerprint_sha256[:16]}…"
    places = len({run.place_id for run in runs})
    ended = deployment.ended_at
    return Entry(
        key=deployment.pk,
        at=deployment.created_at,
        title=f"Deploy {names} to {wording.counted(places, 'target')}",
        state=deployment.state,
        by=deployment.requested_by,
        parts=[_part(run) for run in runs] if is_shown else [],
        seconds=(ended - deployment.created_at).total_seconds() if ended else None,
        is_open=_is_live(deployment, runs),
        is_folded=not is_shown,
    )


def _is_live(deployment: Deployment, runs: Iterable[TargetRun]) -> bool:
    return deployment.state == Deployment.State.RUNNING or any(_is_near(run) for run in runs)


def _is_near(run: TargetRun) -> bool:
    """A retry that waits for its time is no reason to watch."""
    return run.is_open and (run.started_at is not None or (run.attempts == 0 and run.priority == 0))


def _single(run: TargetRun, is_shown: bool) -> Entry:
    return Entry(
        key=run.pk,
        at=run.created_at,
        title=f"{run.kind_label} {run.label}",
        state=run.state,
        by=run.requested_by,
        parts=[Part(steps=list(_steps(run)), files=run.files)] if is_shown else [],
        wording=_wording(run) if is_shown else None,
        seconds=run.seconds,
        is_open=run.is_open,
        is_folded=not is_shown,
    )


def _part(run: TargetRun) -> Part:
    is_later = run.state == TargetRun.State.WAITING and run.priority != 0
    return Part(
        label=run.label,
        state=run.shown_state,
        steps=list(_steps(run)),
        seconds=run.seconds,
        files=run.files,
        wording=_wording(run),
        next_try_at=run.run_after if is_later else None,
    )


def _wording(run: TargetRun) -> errors.Wording | None:
    """Also beside a success: what is installed and not yet served has a line to change."""
    return errors.describe(run.error_code, run.error_params) if run.error_code and not run.is_open else None


def _steps(run: TargetRun) -> Iterable[Step]:
    for step in run.steps.all():
        is_told_below = step.error_code == run.error_code
        yield Step(
            name=step.name,
            state=step.state,
            detail=step.detail,
            seconds=step.seconds,
            wording=errors.describe(step.error_code, step.error_params)
            if step.error_code and not is_told_below
            else None,
            output=step.output,
            is_command="exit_code" in step.data,
            key=step.pk,
        )
