"""A batch from its first row to its start, its stop, and what is kept of it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User, Workspace
from auditlog.events import Actor, record
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from domains.add import confirm_first, parse_tags, room_left
from domains.batches.judging import Key, Verdict, compare_lines, read_verdict
from domains.batches.reading import Row
from domains.models import Batch, BatchKind, BatchLine, BatchState, Domain, LineState

# Each holds up to thousands of lines; more than this nobody looks through.
OPEN_AT_MOST = 10
ENDED_KEPT = 30
DRAFT_KEPT = timedelta(days=1)
ENDED_KEPT_FOR = timedelta(days=30)
CHOSEN_AT_MOST = 20_000
_AT_ONCE = 500

OPEN = (BatchState.DRAFT, BatchState.RUNNING)
VERBS = {
    BatchKind.IMPORT: "add",
    BatchKind.CHECK: "check",
    BatchKind.TAG: "tag",
    BatchKind.UNTAG: "untag",
    BatchKind.DELETE: "delete",
}


def draft_import(*, workspace: Workspace, actor: Actor, user: User, rows: Sequence[Row], source: str = "") -> Batch:
    """Store a list with a verdict for each of its lines; nothing is added before `begin_batch`.

    Raises NeedsUser("batches_full").
    """
    verdicts = [read_verdict(row) for row in rows]
    new = [verdict.new for verdict in verdicts if verdict.new]
    watched = watched_among(workspace, [one.host for one in new])
    compare_lines(verdicts, watched, room_left(workspace, user), confirm_first(user))
    batch = _new_batch(workspace, actor, user, BatchKind.IMPORT, source=source[:100])
    _store(batch, [_line(batch, verdict) for verdict in verdicts])
    return batch


def watched_among(workspace: Workspace, hosts: Sequence[str]) -> set[Key]:
    """What the workspace watches already on any of these hosts; one query for each 500."""
    found: set[Key] = set()
    for some in batched(dict.fromkeys(hosts), _AT_ONCE):
        rows = Domain.objects.for_workspace(workspace).filter(host__in=some)
        found |= set(rows.values_list("host", "port", "protocol"))
    return found


def draft_action(
    *,
    kind: str,
    actor: Actor,
    user: User,
    chosen: QuerySet[Domain],
    workspace: Workspace,
    tag: str = "",
    back: str = "",
) -> Batch:
    """Take down which domains something is to be done with. Raises NeedsUser: nothing_chosen, too_many_chosen,
    tag_malformed, batches_full.
    """
    names = parse_tags([tag])
    if kind in (BatchKind.TAG, BatchKind.UNTAG) and not names:
        raise NeedsUser("tag_missing")
    rows = list(chosen.order_by("host", "id").values_list("pk", "host", "port")[: CHOSEN_AT_MOST + 1])
    if not rows:
        raise NeedsUser("nothing_chosen")
    if len(rows) > CHOSEN_AT_MOST:
        raise NeedsUser("too_many_chosen", most=f"{CHOSEN_AT_MOST:,}")
    batch = _new_batch(workspace, actor, user, kind, tag="".join(names), back=back[:1000])
    lines = [
        BatchLine(
            workspace_id=workspace.pk,
            batch=batch,
            number=number,
            label=Domain(host=host, port=port).label,
            domain_id=key,
        )
        for number, (key, host, port) in enumerate(rows, 1)
    ]
    _store(batch, lines)
    return batch


def _new_batch(workspace: Workspace, actor: Actor, user: User, kind: str, **fields: Any) -> Batch:
    rows = Batch.objects.for_workspace(workspace)
    if rows.filter(state__in=OPEN).count() >= OPEN_AT_MOST:
        raise NeedsUser("batches_full", most=OPEN_AT_MOST)
    ended = rows.exclude(state__in=OPEN).order_by("-created_at").values_list("pk", flat=True)
    rows.filter(pk__in=list(ended[ENDED_KEPT : ENDED_KEPT + OPEN_AT_MOST])).delete()
    now = clock.now()
    return Batch(
        workspace=workspace,
        kind=kind,
        made_by=user,
        asked_by=_told(actor),
        created_at=now,
        run_after=now + DRAFT_KEPT,
        **fields,
    )


def _told(actor: Actor) -> dict[str, Any]:
    return {**asdict(actor), "id": str(actor.id) if actor.id else None}


@transaction.atomic
def _store(batch: Batch, lines: Sequence[BatchLine]) -> None:
    batch.total = len(lines)
    batch.save(force_insert=True)
    BatchLine.unscoped.bulk_create(lines, batch_size=_AT_ONCE)


def _line(batch: Batch, verdict: Verdict) -> BatchLine:
    return BatchLine(
        workspace_id=batch.workspace_id,
        batch=batch,
        number=verdict.row.number,
        label=verdict.label,
        given=verdict.row.cells,
        state=verdict.state,
        code=verdict.code,
        params=jobs.storable(verdict.params),
    )


@transaction.atomic
def begin_batch(*, batch: Batch, actor: Actor, user: User) -> None:
    """What the draft says is done from now on, as this person's doing. Raises NeedsUser("batch_not_waiting")."""
    now = clock.now()
    begun = (
        Batch.objects.for_workspace(batch.workspace_id)
        .filter(pk=batch.pk, state=BatchState.DRAFT)
        .update(
            state=BatchState.RUNNING,
            begun_at=now,
            run_after=now,
            priority=jobs.INTERACTIVE,
            made_by=user,
            asked_by=_told(actor),
        )
    )
    if not begun:
        raise NeedsUser("batch_not_waiting")
    waiting = batch.lines.filter(state=LineState.WAITING).count()
    _record("batch.begun", batch, actor, count=waiting)
    jobs.ring("batch", interactive=True)


@transaction.atomic
def stop_batch(*, batch: Batch, actor: Actor) -> None:
    """Do no more of it; what is done stays done. Raises NeedsUser("batch_not_running").

    Taking the lease away makes whoever works on it drop what is in hand.
    """
    running = Batch.objects.for_workspace(batch.workspace_id).filter(pk=batch.pk, state=BatchState.RUNNING)
    if not running.update(**ended(BatchState.STOPPED), lease_token=None, lease_until=None):
        raise NeedsUser("batch_not_running")
    _record("batch.stopped", batch, actor, left=batch.lines.filter(state=LineState.WAITING).count())


@transaction.atomic
def discard_batch(*, batch: Batch) -> bool:
    """Forget a draft; whether it still was one. Repeatable."""
    drafts = Batch.objects.for_workspace(batch.workspace_id).filter(pk=batch.pk, state=BatchState.DRAFT)
    return bool(drafts.delete()[0])


def ended(state: str) -> dict[str, Any]:
    """The columns of a batch that ends now."""
    now: datetime = clock.now()
    return {"state": state, "ended_at": now, "run_after": now + ENDED_KEPT_FOR}


def _record(kind: str, batch: Batch, actor: Actor, **data: Any) -> None:
    record(kind, workspace_id=batch.workspace_id, actor=actor, data={"what": what(batch), **data})


def what(batch: Batch) -> str:
    """As events name it: `add`, `tag shop`."""
    return f"{VERBS[BatchKind(batch.kind)]} {batch.tag}".strip()
