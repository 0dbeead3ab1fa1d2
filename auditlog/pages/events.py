"""Events that belong to no run, one sentence each."""

from collections.abc import Container, Sequence
from datetime import datetime
from uuid import UUID

from auditlog.events import sentence
from auditlog.models import Event
from auditlog.pages.entries import Entry
from auditlog.pages.wanted import OF_RUNS
from domains.models import Domain


def newest(
    domain: Domain, before: datetime | None, limit: int, *, problems: bool = False
) -> list[tuple[datetime, UUID]]:
    rows = Event.objects.for_workspace(domain.workspace_id).filter(domain_id=domain.pk)
    for prefix in OF_RUNS:
        rows = rows.exclude(kind__startswith=prefix)
    if problems:
        rows = rows.exclude(severity="info")
    if before:
        rows = rows.filter(at__lt=before)
    return list(rows.order_by("-at", "-id").values_list("at", "id")[:limit])


def entries(domain: Domain, keys: Sequence[UUID], unfolded: Container[UUID]) -> list[Entry]:
    rows = Event.objects.for_workspace(domain.workspace_id).filter(pk__in=keys)
    return [
        Entry(
            key=event.pk,
            at=event.at,
            title=sentence(event),
            state=event.severity,
            by="" if event.actor_kind == "system" else event.actor_label,
            is_run=False,
        )
        for event in rows
    ]
