"""When the next renewal is rehearsed. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

# Before the planned renewal: time enough to mend things, and a last look.
BEFORE = (timedelta(days=14), timedelta(days=7), timedelta(days=3))
LONGEST_SPREAD = timedelta(hours=6)
SPREAD_SHARE = 50


def rehearsal_moments(not_before: datetime, not_after: datetime, renew_at: datetime) -> list[datetime]:
    """Half-life and each of BEFORE, as far as they lie within this certificate's life before its renewal."""
    half_life = not_before + (not_after - not_before) / 2
    found = {half_life, *(renew_at - before for before in BEFORE)}
    return sorted(moment for moment in found if not_before < moment < renew_at)


def is_due(moments: Sequence[datetime], rehearsed_at: datetime | None, now: datetime) -> bool:
    """Whether a moment has passed since the last rehearsal."""
    passed = [moment for moment in moments if moment <= now]
    return bool(passed) and (rehearsed_at is None or rehearsed_at < passed[-1])


def next_moment(moments: Sequence[datetime], now: datetime) -> datetime | None:
    return next((moment for moment in moments if moment > now), None)


def spread_of(not_before: datetime, renew_at: datetime) -> timedelta:
    """How far apart those of certificates that were issued together may be put."""
    return min(LONGEST_SPREAD, max(renew_at - not_before, timedelta(0)) / SPREAD_SHARE)
