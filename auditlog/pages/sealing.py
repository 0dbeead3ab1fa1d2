"""The chain of a workspace's events: each is sealed with the hash of the one before it, so no row can be altered or
taken out unseen by whoever has the database.

Sealed in the order in which rows are found, a minute after they were made: a transaction that commits late comes later
in the chain instead of being passed over. What was cut off at the end shows by comparing with a hash that left the
house: exports carry them.
"""

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta

from django.db import transaction
from django.db.models import QuerySet

from auditlog.models import Event
from config.lib import clock

AGE = timedelta(seconds=60)
PIECE = 1_000
CHUNK = 2_000
_FIELDS = (
    *("kind", "severity", "actor_kind", "actor_id", "actor_label", "actor_ip"),
    *("domain_id", "domain_label", "run_id"),
)


@dataclass(frozen=True)
class Broken:
    """The first place where a chain does not hold."""

    workspace_id: uuid.UUID | None
    seq: int
    event_id: uuid.UUID
    is_missing: bool

    def __str__(self) -> str:
        whose = f"workspace {self.workspace_id}" if self.workspace_id else "the events of no workspace"
        if self.is_missing:
            return f"{whose}: entry {self.seq} is missing, before the event {self.event_id}"
        return f"{whose}: entry {self.seq}, the event {self.event_id}, was altered, or one before it was"


def hash_of(event: Event, seq: int, before: str) -> str:
    """SHA-256, in hex, over everything that a row says, its place, and the hash before it."""
    told = [str(value) if value is not None else None for value in (getattr(event, name) for name in _FIELDS)]
    at = event.at.astimezone(UTC).isoformat()
    whole = [before, seq, str(event.pk), str(event.workspace_id), at, *told, event.data]
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def seal() -> bool:
    """A chore. A bounded piece: whether more is left. Two at once are harmless, one of them has nothing to do."""
    ready = Event.unscoped.filter(seq=None, at__lt=clock.now() - AGE)
    first = ready.order_by("workspace_id", "at", "id").first()
    if first is None:
        return False
    rows = list(ready.filter(workspace_id=first.workspace_id).order_by("at", "id")[:PIECE])
    _seal(first.workspace_id, rows)
    return True


@transaction.atomic
def _seal(workspace_id: uuid.UUID | None, rows: Sequence[Event]) -> None:
    last = sealed(workspace_id).order_by("-seq").first()
    seq, before = (last.seq or 0, last.hash or "") if last else (0, "")
    for event in rows:
        seq += 1
        before = hash_of(event, seq, before)
        if not Event.unscoped.filter(pk=event.pk, seq=None).update(seq=seq, hash=before):
            transaction.set_rollback(True)  # Somebody else is at it: what they seal is sealed.
            return


def sealed(workspace_id: uuid.UUID | None) -> QuerySet[Event]:
    return Event.unscoped.filter(workspace_id=workspace_id, seq__isnull=False)


def head_of(workspace_id: uuid.UUID) -> tuple[int, str]:
    """(number of the last sealed entry, its hash); (0, "") before the first."""
    last = sealed(workspace_id).order_by("-seq").values_list("seq", "hash").first()
    return (last[0] or 0, last[1] or "") if last else (0, "")


def verify() -> Iterator[Broken]:
    """Of each chain the first place that does not hold. Reads every sealed row once; changes nothing."""
    keys = Event.unscoped.filter(seq__isnull=False).order_by().values_list("workspace_id", flat=True).distinct()
    for workspace_id in list(keys):
        broken = _verify(workspace_id)
        if broken:
            yield broken


def _verify(workspace_id: uuid.UUID | None) -> Broken | None:
    before = ""
    for seq, event in enumerate(sealed(workspace_id).order_by("seq").iterator(chunk_size=CHUNK), start=1):
        if event.seq != seq:
            return Broken(workspace_id, seq, event.pk, is_missing=True)
        if hash_of(event, seq, before) != event.hash:
            return Broken(workspace_id, seq, event.pk, is_missing=False)
        before = event.hash or ""
    return None
