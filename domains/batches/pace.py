"""When the many looks that one batch asks for are due: spread out, so that they do not all fire at once."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

# One workspace's share of what a worker can do; other workspaces' visits go on beside it.
VISITS_PER_SECOND = 10
DETECTIONS_PER_SECOND = 2
_STEPS = 100_003


def spread_over(now: datetime, count: int, per_second: float) -> Callable[[uuid.UUID], datetime]:
    """The moment for each row's id, evenly random over the time that `count` rows take at `per_second`."""
    seconds = count / per_second
    return lambda key: now + timedelta(seconds=(key.int % _STEPS) / _STEPS * seconds)
