"""Renewals that were refused before anything was ordered: the run that somebody asked for, or the attempt itself.

Once an order is begun under the same id, its run (`auditlog.pages.renewals`) has these events among its steps.
"""

from collections import defaultdict
from collections.abc import Container, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from auditlog.events import sentence
from auditlog.models import Event
from auditlog.pages.entries import Entry, Part, Step
from auditlog.pages.wanted import REFUSED
from certificates.models import Issuance
from config.lib import errors
from domains.models import Domain


def newest(
    domain: Domain, before: datetime | None, limit: int, *, problems: bool = False
) -> list[tuple[datetime, UUID]]:
    """Whether `problems` or not: each of them is one. The key is the run's where somebody asked, else the event's."""
    rows = _last_words(domain)
    if before:
        rows = rows.filter(at__lt=before)
    found = rows.order_by("-at", "-id").values_list("at", "run_id", "id")[:limit]
    return [(at, run or key) for at, run, key in found]


def entries(domain: Domain, keys: Sequence[UUID], unfolded: Container[UUID]) -> list[Entry]:
    if not keys:
        return []
    rows = list(_last_words(domain).filter(Q(run_id__in=keys) | Q(run_id=None, pk__in=keys)))
    steps = _steps(domain, [row.run_id for row in rows if row.run_id and row.run_id in unfolded])
    return [_entry(row, steps.get(row.run_id, [row]), is_folded=_key(row) not in unfolded) for row in rows]


def _key(event: Event) -> UUID:
    return event.run_id or event.pk


def _last_words(domain: Domain) -> QuerySet[Event]:
    """Of a run that was refused for one reason after another the last; none of a run that was begun after all."""
    refused = Event.objects.for_workspace(domain.workspace_id).filter(domain_id=domain.pk, kind=REFUSED)
    later = refused.filter(run_id=OuterRef("run_id"), at__gt=OuterRef("at"))
    begun = Issuance.objects.for_workspace(domain.workspace_id).filter(pk=OuterRef("run_id"))
    return refused.filter(~Exists(later), ~Exists(begun))


def _steps(domain: Domain, runs: Sequence[UUID]) -> dict[UUID | None, list[Event]]:
    """By run, from the wish to renew on."""
    found: dict[UUID | None, list[Event]] = defaultdict(list)
    rows = Event.objects.for_workspace(domain.workspace_id).filter(run_id__in=runs) if runs else Event.unscoped.none()
    for event in rows.order_by("at", "id"):
        found[event.run_id].append(event)
    return found


def _entry(event: Event, steps: Sequence[Event], *, is_folded: bool) -> Entry:
    told = [Step(sentence(step), "failed" if step.kind == REFUSED else "succeeded", key=step.pk) for step in steps]
    return Entry(
        key=_key(event),
        at=event.at,
        title=f"Renewal for {event.data['names']}",
        state="failed",
        parts=[] if is_folded else [Part(steps=told)],
        wording=None if is_folded else errors.describe(event.data["code"], event.data["params"]),
        is_folded=is_folded,
    )
