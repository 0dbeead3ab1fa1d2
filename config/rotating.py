"""Sealing everything with the current key that an older one still opens, while the portal works on.

Each value is replaced only where it still is what was read, so a writer who was quicker wins; what is already under
the current key is left alone, so a run that was killed is simply run again.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from django.db import models

from config.lib.crash import crash_here
from config.lib.errors import Permanent
from config.lib.sealed import reseal
from config.sealed_places import UNREADABLE, Place, places, replaced

# A process that still seals with the old key makes new work meanwhile; one that never stops must not hold us forever.
MOST_PASSES = 5
RESEALED = "resealed"


def reseal_everything(say: Callable[[str], None]) -> Counter[str]:
    """Pass after pass until one finds nothing to do: how many were RESEALED, and in the last pass UNREADABLE.

    Repeatable; every value is a statement of its own, so no lock is held while others are read.
    """
    total: Counter[str] = Counter()
    for _ in range(MOST_PASSES):
        done = _pass_once(say)
        total[RESEALED] += done[RESEALED]
        total[UNREADABLE] = done[UNREADABLE]
        if not done[RESEALED]:
            break
    return total


def _pass_once(say: Callable[[str], None]) -> Counter[str]:
    total: Counter[str] = Counter()
    for place in places():
        done: Counter[str] = Counter()
        for batch in place.batches():
            done += reseal_batch(place, batch)
        if done:
            say(f"{place}: {done[RESEALED]} resealed" + (f", {done[UNREADABLE]} unreadable" * bool(done[UNREADABLE])))
        total += done
    return total


def reseal_batch(place: Place, batch: Sequence[models.Model]) -> Counter[str]:
    """Reseal these rows as they were read; one that was written since keeps what was written."""
    done: Counter[str] = Counter()
    for row in batch:
        old = place.value(row)
        new = replaced(old, partial(_resealed, done, place.context(row)))
        if new != old:
            same = place.model._default_manager.filter(pk=row.pk, **{place.column: old})
            done[RESEALED] += same.update(**{place.column: new})
            crash_here("rotate.after_value")
    return done


def _resealed(done: Counter[str], context: bytes, blob: str) -> str:
    try:
        return reseal(blob, context=context)
    except Permanent:
        done[UNREADABLE] += 1
        return blob
