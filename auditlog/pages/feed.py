"""The audit log's lines: events and the steps of runs in one order, the newest first, read page by page."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from accounts.models import Workspace
from auditlog.events import SYSTEM, sentence
from auditlog.models import Event
from auditlog.pages.wanted import STEP, Wanted
from config.lib import errors
from deploy.models import RunStep
from domains.models import Domain
from domains.protocols import HTTPS

EXPORTED_AT_ONCE = 2000
_STEP_COLUMNS = (
    *("id", "started_at", "ended_at", "name", "state", "detail", "error_code", "error_params", "data__exit_code"),
    *("run_id", "run__kind", "run__label", "run__requested_by", "run__deployment_id"),
    *("run__domain_id", "run__domain__host", "run__domain__port"),
)

type Place = tuple[datetime, uuid.UUID]


@dataclass(frozen=True, slots=True)
class Line:
    """One event, or one step of a run. `number` and `hash` are its place in the chain once it is sealed."""

    key: uuid.UUID
    at: datetime
    kind: str
    severity: str
    what: str
    who: str
    who_kind: str = "system"
    ip: str | None = None
    domain_id: uuid.UUID | None = None
    domain: str = ""
    run_id: uuid.UUID | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None
    hash: str = ""

    @property
    def place(self) -> Place:
        return self.at, self.key


def load_lines(workspace: Workspace, wanted: Wanted, before: Place | None, limit: int) -> list[Line]:
    """Up to `limit` lines older than `before`. Two queries, each along an index, whatever the length of the past."""
    lines = [_of_event(row) for row in _next(events(workspace, wanted), "at", before, limit)]
    if wanted.has_steps:
        found = _next(steps(workspace, wanted), "started_at", before, limit)
        lines += [_of_step(row) for row in found.values_list(*_STEP_COLUMNS, named=True)]
        lines.sort(key=lambda line: line.place, reverse=True)
    return lines[:limit]


def each_line(
    workspace: Workspace, wanted: Wanted, limit: int | None = None, *, piece: int = EXPORTED_AT_ONCE
) -> Iterator[Line]:
    """All of them, or the newest `limit`; a `piece` in memory at a time, and no transaction held open."""
    before, left = None, limit
    while lines := load_lines(workspace, wanted, before, min(piece, left or piece)):
        yield from lines
        before = lines[-1].place
        left = left and left - len(lines)
        if left == 0:
            return


def count_lines(workspace: Workspace, wanted: Wanted, most: int) -> int:
    """How many there are; counting ends at `most`."""
    count = events(workspace, wanted)[:most].count()
    if wanted.has_steps:
        count += steps(workspace, wanted)[:most].count()
    return min(count, most)


def events(workspace: Workspace, wanted: Wanted) -> QuerySet[Event]:
    rows = Event.objects.for_workspace(workspace)
    if wanted.kinds is not None:
        rows = rows.filter(kind__in=wanted.kinds)
    if wanted.severity:
        rows = rows.filter(severity=wanted.severity)
    if wanted.person:
        rows = rows.filter(actor_label=wanted.person)
    if wanted.domains is not None:
        rows = rows.filter(domain_id__in=wanted.domains)
    if wanted.of_domains_only:
        # Those that are gone have no page any more.
        rows = rows.filter(Exists(Domain.objects.for_workspace(workspace).filter(pk=OuterRef("domain_id"))))
    return _between(rows, "at", wanted)


def steps(workspace: Workspace, wanted: Wanted) -> QuerySet[RunStep]:
    rows = RunStep.objects.for_workspace(workspace)
    if wanted.severity:
        failed = Q(state=RunStep.State.FAILED)
        rows = rows.filter({"warning": failed, "info": ~failed}.get(wanted.severity, Q(pk__in=[])))
    if wanted.person:
        rows = rows.filter(run__requested_by=wanted.person)
    if wanted.domains is not None:
        rows = rows.filter(run__domain_id__in=wanted.domains)
    return _between(rows, "started_at", wanted)


def _between[M: Model](rows: QuerySet[M], column: str, wanted: Wanted) -> QuerySet[M]:
    if wanted.start:
        rows = rows.filter(**{f"{column}__gte": wanted.start})
    return rows.filter(**{f"{column}__lt": wanted.end}) if wanted.end else rows


def _next[M: Model](rows: QuerySet[M], column: str, before: Place | None, limit: int) -> QuerySet[M]:
    if before:
        at, key = before
        older = Q(**{f"{column}__lt": at}) | Q(**{column: at, "pk__lt": key})
        # What `older` says already: no database makes a place in an index out of an OR.
        rows = rows.filter(older, **{f"{column}__lte": at})
    return rows.order_by(f"-{column}", "-pk")[:limit]


def _of_event(event: Event) -> Line:
    return Line(
        key=event.pk,
        at=event.at,
        kind=event.kind,
        severity=event.severity,
        what=sentence(event),
        who=event.actor_label or SYSTEM.label,
        who_kind=event.actor_kind,
        ip=event.actor_ip,
        domain_id=event.domain_id,
        domain=event.domain_label,
        run_id=event.run_id,
        data=event.data,
        number=event.seq,
        hash=event.hash or "",
    )


def _of_step(step: Any) -> Line:
    port = step.run__domain__port
    return Line(
        key=step.id,
        at=step.started_at,
        kind=STEP,
        severity="warning" if step.state == RunStep.State.FAILED else "info",
        what=_step_words(step),
        who=step.run__requested_by or SYSTEM.label,
        who_kind=_kind_of(step.run__requested_by),
        domain_id=step.run__domain_id,
        domain=step.run__domain__host if port == HTTPS else f"{step.run__domain__host}:{port}",
        run_id=step.run__deployment_id or step.run_id,
        data=_step_data(step),
    )


def _kind_of(requested_by: str) -> str:
    """Whoever asked for a run is kept by their label alone."""
    if not requested_by:
        return SYSTEM.kind
    return "token" if requested_by.startswith("API token ") else "user"


def _step_words(step: Any) -> str:
    told = [f"{step.run__label}: {step.name}" if step.run__label else step.name, step.detail, step.state]
    if step.error_code:
        told.append(errors.describe(step.error_code, step.error_params).title)
    return " · ".join(part for part in told if part)


def _step_data(step: Any) -> dict[str, Any]:
    told = {"run": step.run__kind, "server": step.run__label, "state": step.state, "error": step.error_code}
    if step.ended_at:
        told["seconds"] = (step.ended_at - step.started_at).total_seconds()
    if step.data__exit_code is not None:
        told["exit_code"] = step.data__exit_code
    return {name: value for name, value in told.items() if value != ""}
