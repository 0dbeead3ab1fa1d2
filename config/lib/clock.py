"""The only source of business time, so that a test can stand anywhere in time.

Leases do not use it: they run by the database's clock (`config.lib.jobs`), because two
workers on two machines must agree on them.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

_frozen_at: datetime | None = None
_shift = timedelta(0)


def now() -> datetime:
    """The present moment, timezone-aware, UTC."""
    return _frozen_at or datetime.now(UTC) + _shift


@contextlib.contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Time stands still at `at` inside the block (tests only; not per thread)."""
    global _frozen_at
    before, _frozen_at = _frozen_at, at
    try:
        yield
    finally:
        _frozen_at = before


@contextlib.contextmanager
def shifted(delta: timedelta) -> Iterator[None]:
    """Time runs on, `delta` ahead (tests only; not per thread)."""
    global _shift
    before, _shift = _shift, _shift + delta
    try:
        yield
    finally:
        _shift = before
