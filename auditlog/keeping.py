"""How long events are kept: what is older leaves the log for an archive, which is there to download for a while."""

import gzip
import json
import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Min, QuerySet

from auditlog.chain import COVERED, Head, as_told, chain_of
from auditlog.events import Actor, record
from auditlog.models import Archive, Event, Keeping, PendingReaction, Retention, Seal
from auditlog.verifying import Broken, follow
from config.lib import clock

log = logging.getLogger("auditlog")

# In days, by what people choose.
CHOICES = {
    0: "for ever",
    90: "90 days",
    365: "1 year",
    730: "2 years",
    1095: "3 years",
    1825: "5 years",
    3650: "10 years",
}
# A file of a few hundred kilobytes, and a transaction of a second or so.
MOST = 5000
AT_ONCE = 20
ARCHIVE_KEPT = timedelta(days=30)


def days_of(workspace_id: uuid.UUID) -> int:
    """0: for ever."""
    row = Keeping.objects.filter(workspace_id=workspace_id).first()
    return row.days if row else 0


@transaction.atomic
def keep_for(*, workspace_id: uuid.UUID, days: int, actor: Actor) -> None:
    """Set it, one of CHOICES; the next run of the chore acts on it. Repeatable."""
    before = days_of(workspace_id)
    if before == days:
        return
    Keeping.objects.filter(workspace_id=workspace_id).delete()
    if days:
        Keeping.objects.create(workspace_id=workspace_id, days=days)
    told = {"before": CHOICES.get(before, f"{before} days"), "after": CHOICES[days]}
    record("log.keeping_changed", workspace_id=workspace_id, actor=actor, data=told)


def archive_old() -> bool:
    """One archive for each workspace that has old events, AT_ONCE at most; whether more may be left."""
    moved = 0
    for row in Keeping.objects.order_by("workspace_id"):
        moved += archive_next(row)
        if moved == AT_ONCE:
            break
    return moved > 0


def forget_archives() -> bool:
    """Empty archives whose time is over. Repeatable, and bounded by what came in an hour."""
    over = Archive.objects.filter(made_at__lt=clock.now() - ARCHIVE_KEPT).exclude(content=b"")
    over.update(content=b"")
    return False


def archive_next(keeping: Keeping) -> bool:
    """Move the oldest events of the chain, by whole seals, into one archive; whether there were any.

    What was altered stays where verify_audit finds it, and so does all after it. One transaction, which opens the
    guard for this workspace's past and closes it again, so nobody else ever finds it open. Of two at once, the second
    finds the place taken.
    """
    limit = clock.now() - timedelta(days=keeping.days)
    try:
        with transaction.atomic():
            return _move_next(keeping.workspace_id, limit)
    except IntegrityError:
        return False
    except Broken as broken:
        log.error("audit.chain_broken", extra={"workspace": str(keeping.workspace_id), "after": broken.head.number})
        return False


def _begin(workspace_id: uuid.UUID) -> Head:
    """The chain's head after the last event that was archived."""
    last = Archive.objects.filter(workspace_id=workspace_id).order_by("-first").defer("content").first()
    return Head(last.last, last.hash) if last else Head()


def _last_old(workspace_id: uuid.UUID, begin: int, limit: datetime) -> Seal | None:
    """The last seal up to which, from event `begin` on, nothing is younger than `limit`; MOST events at most."""
    end = begin + MOST
    young = chain_of(workspace_id).filter(seq__gt=begin, seq__lte=end, at__gte=limit).aggregate(first=Min("seq"))
    if young["first"]:
        end = young["first"] - 1
    seals = Seal.objects.filter(workspace_id=workspace_id, first__gt=begin, last__lte=end)
    return seals.order_by("-first").first()


def _move_next(owner: uuid.UUID, limit: datetime) -> bool:
    begin = _begin(owner)
    seal = _last_old(owner, begin.number, limit)
    if seal is None:
        return False
    rows = chain_of(owner).filter(seq__gt=begin.number, seq__lte=seal.last)
    times = rows.aggregate(begins=Min("at"), ends=Max("at"))
    Archive.objects.create(
        workspace_id=owner,
        first=begin.number + 1,
        last=seal.last,
        hash=seal.hash,
        begins_at=times["begins"],
        ends_at=times["ends"],
        content=gzip.compress(_content(rows.order_by("seq"), begin, seal).encode(), mtime=0),
    )
    _delete(rows, owner, limit)
    told = {"first": begin.number + 1, "last": seal.last, "until": times["ends"].isoformat(), "hash": seal.hash}
    record("log.archived", workspace_id=owner, data=told)
    return True


def _content(rows: QuerySet[Event], head: Head, seal: Seal) -> str:
    """A line for each event; raises Broken when they are not what was sealed."""
    lines = []
    for event in rows:
        head = follow(head, event.seq or 0, event.hash or "", [getattr(event, name) for name in COVERED])
        lines.append(_as_line(event))
    if head != Head(seal.last, seal.hash):
        raise Broken(head, f"event {head.number + 1} is missing, or the seal of {seal.last} is another one")
    return "".join(lines)


def _delete(rows: QuerySet[Event], owner: uuid.UUID, limit: datetime) -> None:
    PendingReaction.objects.filter(event_id__in=rows.values("pk")).delete()
    Retention.objects.update_or_create(workspace_id=owner, defaults={"before": limit})
    rows.delete()
    Retention.objects.filter(workspace_id=owner).delete()


def _as_line(event: Event) -> str:
    """Number, hash and everything that the hash covers; a moment is RFC 3339 in UTC."""
    told: dict[str, Any] = {"number": event.seq, "hash": event.hash}
    told |= {name: as_told(getattr(event, name)) for name in COVERED}
    return json.dumps(told, ensure_ascii=False) + "\n"
