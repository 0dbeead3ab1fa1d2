"""The hash chain over a workspace's events: what a hash covers, and the sealing of what happened a minute ago.

Each event carries the hash of itself and of the one before it, so that nobody changes, removes or moves one without
every later hash becoming wrong. An event of no workspace belongs to the chain of the nil UUID.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from auditlog.models import Event, Seal
from config.lib import clock

NO_WORKSPACE = uuid.UUID(int=0)
# A transaction that began before now may commit a little later: what is sealed together is in the order of its time.
SETTLED_AFTER = timedelta(seconds=60)
BATCH = 1000
# Batches and chains of one run of the chore: a bounded piece.
BATCHES_AT_ONCE = 20
CHAINS_AT_ONCE = 100
BEGINNING = ""
# In this order; the column `data` as JSON with its keys sorted.
COVERED = (
    *("id", "workspace_id", "at", "kind", "severity", "actor_kind", "actor_id", "actor_label", "actor_ip"),
    *("domain_id", "domain_label", "run_id", "data"),
)


@dataclass(frozen=True)
class Head:
    """Where a chain ends: the number of its last event (0: none yet) and its hash."""

    number: int = 0
    hash: str = BEGINNING


def link(before: str, number: int, values: Sequence[Any]) -> str:
    """The hash of event `number`, whose COVERED columns are `values`, after the hash `before`; 64 hex digits."""
    key, owner, *rest = values
    told = [before, number, str(key), str(owner), *map(as_told, rest)]
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def as_told(value: Any) -> Any:
    """As both databases tell it: a moment in UTC, an id as its text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def chain_of(workspace_id: uuid.UUID) -> QuerySet[Event]:
    """Every event of one chain, sealed or not."""
    return Event.unscoped.filter(workspace_id=None if workspace_id == NO_WORKSPACE else workspace_id)


def head_of(workspace_id: uuid.UUID) -> Head:
    last = Seal.objects.filter(workspace_id=workspace_id).order_by("-first").first()
    return Head(last.last, last.hash) if last else Head()


def seal_settled() -> bool:
    """Seal what happened more than a minute ago, a bounded piece of it; whether more is left. Repeatable."""
    settled = clock.now() - SETTLED_AFTER
    waiting = Event.unscoped.filter(seq=None, at__lt=settled).order_by().values_list("workspace_id", flat=True)
    owners = list(waiting.distinct()[:CHAINS_AT_ONCE])
    batches = 0
    for owner in owners:
        while batches < BATCHES_AT_ONCE:
            batches += 1
            if seal_next(owner or NO_WORKSPACE, settled) < BATCH:
                break
    return len(owners) == CHAINS_AT_ONCE or batches >= BATCHES_AT_ONCE


def seal_next(workspace_id: uuid.UUID, settled: datetime) -> int:
    """Seal up to BATCH events from before `settled` at the end of the chain; how many were.

    One transaction: a sealer that dies in it has sealed nothing. Of two at once, the second finds the place in the
    chain taken and leaves it.
    """
    try:
        with transaction.atomic():
            return _seal(workspace_id, settled)
    except IntegrityError:
        return 0


def _seal(workspace_id: uuid.UUID, settled: datetime) -> int:
    head = head_of(workspace_id)
    waiting = chain_of(workspace_id).filter(seq=None, at__lt=settled).order_by("at", "id")
    rows = list(waiting.values_list(*COVERED)[:BATCH])
    if not rows:
        return 0
    links = _links(head, rows)
    # First, since it is here that another sealer is met.
    Seal.objects.create(workspace_id=workspace_id, first=head.number + 1, last=links[-1][0], hash=links[-1][1])
    _fill(links)
    return len(rows)


def _links(head: Head, rows: Iterable[Sequence[Any]]) -> list[tuple[int, str, uuid.UUID]]:
    """(number, hash, id) of each row after `head`."""
    links, before = [], head.hash
    for number, values in enumerate(rows, head.number + 1):
        before = link(before, number, values)
        links.append((number, before, values[0]))
    return links


def _fill(links: Iterable[tuple[int, str, uuid.UUID]]) -> None:
    """Many rows by one prepared statement: `bulk_update` takes eight times as long."""
    key = Event._meta.pk.get_db_prep_value
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE auditlog_event SET seq = %s, hash = %s WHERE id = %s AND seq IS NULL",
            [(number, digest, key(each, connection)) for number, digest, each in links],
        )
