"""The job that works a batch off, chunk by chunk. One chunk is one transaction: done and noted down, or neither."""

import time
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from accounts.models import Membership
from accounts.policy import is_allowed
from auditlog.events import record
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser
from domains.batches.actions import actions
from domains.batches.starting import ended, what
from domains.models import Batch, BatchKind, BatchLine, BatchState, LineState
from domains.writing import update_rows

LEASE = timedelta(seconds=120)
# A deletion takes everything along that hangs on a domain, so fewer of them are a chunk.
CHUNKS = {BatchKind.DELETE: 20}
CHUNK = 100
# So long one batch keeps a worker's slot before others have their turn.
TURN_SECONDS = 5.0

ACTIONS = {
    BatchKind.IMPORT: "domain.add",
    BatchKind.CHECK: "domain.inspect",
    BatchKind.TAG: "domain.edit",
    BatchKind.UNTAG: "domain.edit",
    BatchKind.DELETE: "domain.delete",
}


def work_batches(batches: Sequence[Batch]) -> None:
    """One turn for each; repeatable. A batch that is not running has outlived its time and goes away."""
    for batch in batches:
        if batch.state == BatchState.RUNNING:
            _require_right(batch)
            _take_turn(batch)
        else:
            _remove(batch)


@transaction.atomic
def _remove(batch: Batch) -> None:
    """Drop what has outlived its time, unless somebody confirms the draft at this very moment."""
    held = Batch.objects.for_workspace(batch.workspace_id).filter(pk=batch.pk, lease_token=batch.lease_token)
    if held.exclude(state=BatchState.RUNNING).select_for_update().first():
        held.delete()


def _require_right(batch: Batch) -> None:
    """Whoever lost the right meanwhile has no more done for them. Raises NeedsUser("batch_not_allowed")."""
    rows = Membership.objects.open().filter(user=batch.made_by, workspace_id=batch.workspace_id)
    role = rows.values_list("role", flat=True).first() or ""
    if not is_allowed(role, ACTIONS[BatchKind(batch.kind)]):
        raise NeedsUser("batch_not_allowed", who=batch.actor.label)


def _take_turn(batch: Batch) -> None:
    ends = time.monotonic() + TURN_SECONDS
    while time.monotonic() < ends and not jobs.stopping.is_set():
        lines = _next_lines(batch)
        if not lines:
            batch.finish(**ended(BatchState.DONE), also=lambda: _tell_end(batch))
            return
        batch.renew_lease(LEASE.total_seconds())
        crash_here("batch.chunk_claimed")
        batch.save_step(also=lambda: _work(batch, lines))  # noqa: B023  (called before the next round)
        crash_here("batch.chunk_stored")
    batch.finish(run_after=clock.now(), also=lambda: jobs.ring("batch"))


def _next_lines(batch: Batch) -> list[BatchLine]:
    waiting = batch.lines.filter(state=LineState.WAITING).order_by("number")
    return list(waiting[: CHUNKS.get(BatchKind(batch.kind), CHUNK)])


def _work(batch: Batch, lines: Sequence[BatchLine]) -> None:
    actions[batch.kind](batch, lines)
    crash_here("batch.chunk_done")
    columns = ("id", "state", "code", "params", "domain_id")
    update_rows(BatchLine, [{name: getattr(line, name) for name in columns} for line in lines])


def _tell_end(batch: Batch) -> None:
    counts = {state: batch.lines.filter(state=state).count() for state in (LineState.DONE, LineState.FAILED)}
    record(
        "batch.ended",
        workspace_id=batch.workspace_id,
        actor=batch.actor,
        data={"what": what(batch), "done": counts[LineState.DONE], "failed": counts[LineState.FAILED]},
    )


def give_up(batch: Batch, error: ExpectedError) -> None:
    """Stop for good and say why; what is done stays done."""

    def tell() -> None:
        left = batch.lines.filter(state=LineState.WAITING).count()
        record("batch.stopped", workspace_id=batch.workspace_id, data={"what": what(batch), "left": left})

    batch.finish(
        **ended(BatchState.STOPPED),
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=tell,
    )
