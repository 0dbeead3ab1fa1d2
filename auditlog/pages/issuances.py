"""Issuances as runs: their events are the steps, the names to prove stand between. Renewals have a module beside."""

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import prefetch_related_objects

from auditlog.events import sentence
from auditlog.models import Event
from auditlog.pages.entries import Entry, Part, Step
from auditlog.pages.wanted import REFUSED
from certificates.models import Authorization, Issuance
from certificates.stepper import DOING, doing_of
from config.lib import errors
from domains.models import Domain

_PROOF = {"valid": "succeeded", "invalid": "failed", "deactivated": "succeeded"}
_SEEN = {
    Authorization.Seen.SEEN: "the TXT record is published",
    Authorization.Seen.PARTLY_SEEN: "the TXT record is not at every name server yet",
    Authorization.Seen.NOT_SEEN: "the TXT record is not published yet",
}


def newest(
    domain: Domain, before: datetime | None, limit: int, *, problems: bool = False
) -> list[tuple[datetime, UUID]]:
    rows = Issuance.objects.for_workspace(domain.workspace_id).filter(domain=domain, is_renewal=False)
    if problems:
        rows = rows.filter(state=Issuance.State.FAILED)
    if before:
        rows = rows.filter(created_at__lt=before)
    return list(rows.order_by("-created_at", "-id").values_list("created_at", "id")[:limit])


def entries(domain: Domain, keys: Sequence[UUID], unfolded: Container[UUID]) -> list[Entry]:
    return entries_of(domain, keys, unfolded, are_renewals=False)


def entries_of(domain: Domain, keys: Sequence[UUID], unfolded: Container[UUID], *, are_renewals: bool) -> list[Entry]:
    """Of those among `keys` that are renewals, or are not."""
    if not keys:
        return []
    rows = list(Issuance.objects.for_workspace(domain.workspace_id).filter(pk__in=keys, is_renewal=are_renewals))
    wanted = [row for row in rows if row.is_under_way or row.pk in unfolded]
    prefetch_related_objects(wanted, "authorizations")
    events = _events(domain, [row.pk for row in wanted])
    return [_entry(row, events[str(row.pk)] if row in wanted else None) for row in rows]


def _events(domain: Domain, keys: Sequence[UUID]) -> dict[str, list[Event]]:
    rows = Event.objects.for_workspace(domain.workspace_id).filter(domain_id=domain.pk)
    rows = rows.filter(data__issuance__in=[str(key) for key in keys]) if keys else rows.none()
    found: dict[str, list[Event]] = defaultdict(list)
    for event in rows.order_by("at", "id"):
        found[event.data["issuance"]].append(event)
    return found


def _entry(issuance: Issuance, events: Sequence[Event] | None) -> Entry:
    failed = issuance.state == Issuance.State.FAILED and issuance.error_code
    ended = issuance.ended_at
    return Entry(
        key=issuance.pk,
        at=issuance.created_at,
        title=f"Certificate for {', '.join(issuance.names)}",
        state=_state(issuance),
        by=issuance.requested_by,
        parts=[] if events is None else [Part(steps=[*_past(issuance, events), *_present(issuance)])],
        is_folded=events is None,
        wording=errors.describe(issuance.error_code, issuance.error_params) if failed else None,
        seconds=(ended - issuance.created_at).total_seconds() if ended else None,
        is_open=issuance.is_under_way,
    )


def _state(issuance: Issuance) -> str:
    """Nobody waits for DNS where a token answers."""
    waits_for_dns = issuance.challenge == "dns-01" or issuance.state != Issuance.State.PENDING_CHALLENGE
    return issuance.state if waits_for_dns else Issuance.State.VALIDATING


def _past(issuance: Issuance, events: Sequence[Event]) -> Iterable[Step]:
    last = None
    for event in events:
        yield Step(
            name=sentence(event),
            state="failed" if event.kind in ("issuance.failed", REFUSED) else "succeeded",
            seconds=(event.at - last).total_seconds() if last else None,
            key=event.pk,
        )
        last = event.at
        if event.kind == "issuance.challenge_shown":
            yield from map(_proof, issuance.authorizations.all())


def _proof(row: Authorization) -> Step:
    words = f"proven by {row.txt_name}" if row.is_proven else row.detail or _SEEN[Authorization.Seen(row.seen)]
    return Step(name=row.shown_name, detail=words, state=_PROOF.get(row.status, "waiting"), key=row.pk)


def _present(issuance: Issuance) -> Iterable[Step]:
    words = DOING.get(issuance.step) if issuance.is_waiting_for_person else doing_of(issuance)
    if words:
        yield Step(name=words, state="waiting" if issuance.is_waiting_for_person else "running")
