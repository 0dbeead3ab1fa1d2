"""Chores: what the portal tidies by itself, a bounded piece at a time. Rooms register theirs."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from accounts.models import Chore
from config.lib import clock
from config.lib.errors import ExpectedError
from config.lib.registry import Registry

log = logging.getLogger("chores")


@dataclass(frozen=True)
class Routine:
    """`run` does a bounded piece and may be run twice; it says whether more is left, which is then done at once."""

    run: Callable[[], bool]
    every: timedelta


chores: Registry[Routine] = Registry("chores")
FORGOTTEN_AT_ONCE = 1000


def plan_chores(**_signal: Any) -> None:
    """A row for each registered chore, due now. Repeatable: called after each migrate."""
    Chore.objects.bulk_create(
        [Chore(name=name, run_after=clock.now()) for name in chores.keys()],  # noqa: SIM118  (a registry, not a dict)
        ignore_conflicts=True,
    )


def forget_some(old: QuerySet[Any], most: int = FORGOTTEN_AT_ONCE) -> bool:
    """Delete `most` of these rows, with what hangs on them; whether more may be left. Repeatable."""
    keys = list(old.values_list("pk", flat=True)[:most])
    # Named again: what took one of them up meanwhile (a job, a return) keeps it.
    old.order_by().filter(pk__in=keys).delete()
    return len(keys) == most


def do_chores(batch: Sequence[Chore]) -> None:
    for chore in batch:
        if chore.name not in chores:
            chore.finish(run_after=None)  # Of another release.
            continue
        routine = chores.get(chore.name)
        more = routine.run()
        pause = timedelta(0) if more else routine.every
        chore.finish(run_after=clock.now() + pause, done_at=clock.now(), error_code="")


def give_up_chore(chore: Chore, error: ExpectedError) -> None:
    """It is only tidying: tried again at its usual time."""
    log.error("chore.failed", extra={"chore": chore.name, "code": error.code})
    every = chores.get(chore.name).every if chore.name in chores else timedelta(days=1)
    chore.finish(run_after=clock.now() + every, error_code=error.code)
