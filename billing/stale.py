"""Money that was set aside for work which is gone: it ended without settling, or its row was deleted."""

import uuid
from collections.abc import Callable, Collection
from datetime import timedelta

from billing.charging import held_since, release_stale
from config.lib.registry import Registry

HOLD_AT_LEAST = timedelta(hours=2)
# Which of these runs are still under way. Rooms above add theirs.
at_work: Registry[Callable[[Collection[uuid.UUID]], set[uuid.UUID]]] = Registry("work that is paid for")


def release_stale_holds() -> bool:
    """A chore. A bounded piece."""
    held = held_since(HOLD_AT_LEAST)
    runs = {charge.run_id for charge in held}
    for still_open in at_work:
        runs -= still_open(runs)
    for charge in held:
        if charge.run_id in runs:
            release_stale(charge.pk)
    return False
