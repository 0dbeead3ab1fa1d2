"""The worker's side of deleting a workspace: wait until nothing runs in it, settle with the outside, remove the rows.

Every part may be done again: a worker that dies anywhere leaves a row that the next one goes on from.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import cache, partial
from graphlib import TopologicalSorter
from typing import Any

from django.apps import apps
from django.db import IntegrityError

from accounts.closing import KIND, LEASE_SECONDS, Settling, closing_steps, in_words, tell_closed
from accounts.members import admins_to_tell
from accounts.models import Membership, Workspace, WorkspaceClosing
from auditlog.events import record
from config.lib import clock, jobs, resting
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Transient, describe
from config.lib.scoping import OwnedModel

log = logging.getLogger("accounts")

PAUSE = timedelta(seconds=5)
# A swap that was cut on a server is tried again for an hour and a half before it is given up.
WAITED_FOR = timedelta(hours=2)
TRIED_FOR = timedelta(days=3)
BATCH = 500
WORK = "work"


def take_apart(batch: Sequence[WorkspaceClosing]) -> None:
    """Take each workspace apart, as far as it goes now. Raises Transient to go on later."""
    for closing in batch:
        crash_here("close.claimed")
        if not _is_quiet(closing):
            continue
        _settle_all(closing)
        if _remove_rows(closing):
            _end(closing)


def give_up_closing(closing: WorkspaceClosing, error: ExpectedError) -> None:
    """Half a deletion is no end: it stays due, and staff see why it does not come to one."""
    log.error("closing.stuck", extra={"closing": str(closing.pk), "code": error.code})
    closing.postpone(error)


def _is_quiet(closing: WorkspaceClosing) -> bool:
    """Whether nothing runs there any more, or has had its time; else come back soon."""
    resting.rest_workspace(closing.workspace_id)
    busy = resting.at_work(closing.workspace_id)
    if busy and clock.now() < closing.created_at + WAITED_FOR:
        closing.finish(run_after=clock.now() + PAUSE, attempts=closing.attempts)
        jobs.ring(KIND, after=PAUSE)
        return False
    if WORK not in closing.settled:
        _keep_settled(closing, WORK, [f"It was still running and was cut off: {each}" for each in busy])
    return True


def _settle_all(closing: WorkspaceClosing) -> None:
    """Every room's step: that one of them has to wait is no reason for the others to."""
    later: Transient | None = None
    for name in closing_steps.keys():  # noqa: SIM118  (a registry, not a dict)
        try:
            _settle(closing, name)
        except Transient as error:
            later = error
    if later:
        raise later


def _settle(closing: WorkspaceClosing, name: str) -> None:
    """One room's step, until it is over; its last try is three days after the workspace was closed."""
    if name in closing.settled:
        return
    ends_at = closing.created_at + TRIED_FOR
    hold = partial(closing.renew_lease, LEASE_SECONDS)
    call = Settling(closing.workspace_id, is_last=clock.now() >= ends_at, hold=hold)
    try:
        left = closing_steps.get(name)(call)
    except ExpectedError as error:
        if isinstance(error, Transient) and not call.is_last:
            error.retry_at = min(error.retry_at, ends_at) if error.retry_at else None
            raise
        left = [describe(error.code, error.params).title]
    crash_here("close.settling")
    _keep_settled(closing, name, left)
    crash_here("close.settled")


def _keep_settled(closing: WorkspaceClosing, name: str, left: list[str]) -> None:
    closing.save_step(settled={**closing.settled, name: left})


def _remove_rows(closing: WorkspaceClosing) -> bool:
    """All rows but the workspace's own, in bounded transactions; False when this worker is asked to stop."""
    for model in deletion_order():
        rows = model.objects.for_workspace(closing.workspace_id).order_by().values_list("pk", flat=True)
        while keys := list(rows[:BATCH]):
            if jobs.stopping.is_set():
                closing.finish(run_after=clock.now())
                return False
            _remove_batch(closing, model, keys)
            crash_here("close.batch_removed")
    return True


def _remove_batch(closing: WorkspaceClosing, model: type[OwnedModel], keys: list[Any]) -> None:
    label = model._meta.label
    removed = {**closing.removed, label: closing.removed.get(label, 0) + len(keys)}
    closing.renew_lease(LEASE_SECONDS)
    try:
        closing.save_step(removed=removed, also=partial(_delete, model, keys))
    except IntegrityError as error:
        # Somebody who came in before the door was shut has just written another row.
        raise Transient("workspace_still_written") from error


def _delete(model: type[OwnedModel], keys: list[Any]) -> None:
    model.unscoped.filter(pk__in=keys).delete()


@cache
def deletion_order() -> tuple[type[OwnedModel], ...]:
    """Every owned model, each after all that point to it. A circle of foreign keys is a bug (CycleError)."""
    owned = [model for model in apps.get_models() if issubclass(model, OwnedModel)]
    sorter: TopologicalSorter[type[OwnedModel]] = TopologicalSorter()
    for model in owned:
        sorter.add(model)
        targets = {field.related_model for field in model._meta.concrete_fields} - {model}
        for target in owned:
            if target in targets:
                sorter.add(target, model)
    return tuple(sorter.static_order())


def _end(closing: WorkspaceClosing) -> None:
    crash_here("close.rows_gone")
    is_ours = closing.finish(
        finished_at=clock.now(), error_code="", error_params={}, also=partial(_remove_workspace, closing)
    )
    if not is_ours:
        raise jobs.LeaseLost(str(closing.pk))
    crash_here("close.ended")


def _remove_workspace(closing: WorkspaceClosing) -> None:
    """The row itself, with whatever was written to it meanwhile, and the news of it."""
    workspace = Workspace.objects.select_for_update().filter(pk=closing.workspace_id).first()
    if workspace is None:
        return
    admins = admins_to_tell(workspace.pk)
    people = Membership.objects.filter(workspace=workspace).count()
    workspace.delete()
    counts = {**closing.removed, Membership._meta.label: people}
    removed = in_words(counts)
    left = [line for lines in closing.settled.values() for line in lines]
    data = {
        "name": closing.workspace_name,
        "removed": ", ".join(removed) or "it was empty",
        "left": "; ".join(left) or "nothing",
        "rows": counts,
    }
    record("workspace.closed", workspace_id=closing.workspace_id, data=data)
    tell_closed(admins, name=closing.workspace_name, removed=removed, left=left)
