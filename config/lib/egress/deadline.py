"""One total time for a piece of remote work, however many reads it takes."""

import time

from .refusals import Unreachable


class Deadline:
    """Ends `seconds` after its creation, by the monotonic clock.

    Library timeouts are per read: a server that sends one byte before each of them ends holds
    the caller for ever. Whoever reads asks `check()` before every read and waits no longer.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that remain, never negative."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> float:
        """Seconds that remain; raises Unreachable("deadline_exceeded") when none do."""
        left = self.left()
        if left <= 0:
            raise self.exceeded()
        return left

    def exceeded(self) -> Unreachable:
        """What to raise when a wait that this deadline bounded ran out."""
        return Unreachable("deadline_exceeded", seconds=round(self.seconds, 1))

    def extend(self, seconds: float) -> None:
        """End later, by a wait that was of our own making."""
        self._end += seconds

    def capped(self, seconds: float) -> "Deadline":
        """A deadline of at most `seconds` that never outlives this one."""
        return Deadline(min(self.check(), seconds))
