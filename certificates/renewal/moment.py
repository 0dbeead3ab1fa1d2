"""When a certificate is to be renewed, and when that is late. Pure: one function decides for every mode."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from certificates.window import LAST_SECOND, window_opens_at

# With so little of its life left a certificate is renewed, whatever the CA suggests.
EMERGENCY_SHARE = 20
# Of the time between the planned moment and the end, in percent: when a renewal counts as overdue, ever more so.
OVERDUE_PERCENT = (10, 33, 66)
EXPIRED = len(OVERDUE_PERCENT) + 1
# After a failed authorization: five failures per name and hour lock an account out at Let's Encrypt.
AFTER_REFUSALS = (timedelta(minutes=10), timedelta(minutes=100), timedelta(days=1))
# In the last third of the time to recover a day is too long; four tries a day stay far from that limit.
WHEN_LATE = timedelta(hours=6)
LATE = 3
# What ended with one of these found no way to the CA or to the DNS; nothing was refused.
OUTAGES = frozenset(
    {"acme_waits", "acme_gave_up", "acme_unreachable", "acme_server_error", "ownership_unclear", "job_quarantined"}
)
AFTER_OUTAGES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30, 60))


@dataclass(frozen=True, slots=True)
class Window:
    """What the CA suggests (RFC 9773): renew between these moments."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A window with the random point that was chosen in it, once; `is_past`: it was over when the CA first named it."""

    window: Window
    chosen_at: datetime
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """`why` is a key of `certificates.renewal.shown.WHY`."""

    at: datetime
    why: str


def choose(window: Window, chance: float) -> datetime:
    """A point of the window by `chance` in [0, 1): everybody's renewals are spread over all of it."""
    return window.start + (window.end - window.start) * chance


def renewal_moment(
    not_before: datetime, not_after: datetime, *, suggestion: Suggestion | None, min_days_left: int
) -> Moment:
    """The CA's word, else a share of the lifetime; and never later than with a twentieth of it left."""
    end = not_after + LAST_SECOND
    last = end - (end - not_before) / EMERGENCY_SHARE
    if suggestion is None:
        planned = Moment(window_opens_at(not_before, not_after, min_days_left=min_days_left), "lifetime")
    else:
        planned = Moment(suggestion.chosen_at, "ari_past" if suggestion.is_past else "ari")
    return planned if planned.at <= last else Moment(last, "emergency")


def overdue_moments(renew_at: datetime, not_after: datetime) -> Sequence[datetime]:
    """When each level of OVERDUE_PERCENT begins, and the end."""
    recovery = max(not_after - renew_at, timedelta(0))
    return [*(renew_at + recovery * percent / 100 for percent in OVERDUE_PERCENT), not_after]


def late_moment(renew_at: datetime, not_after: datetime) -> datetime:
    """When the last third of the time to recover begins."""
    return overdue_moments(renew_at, not_after)[LATE - 1]


def overdue_level(renew_at: datetime, not_after: datetime, now: datetime) -> int:
    """0: not overdue; 1 to 3 as OVERDUE_PERCENT; EXPIRED."""
    if now > not_after:
        return EXPIRED
    # At the end itself the certificate is still valid; with no time to recover every level has begun.
    return min(sum(moment <= now for moment in overdue_moments(renew_at, not_after)[:-1]), EXPIRED - 1)


def pause_after(failures: int, *, was_outage: bool, late_in: timedelta | None = None) -> timedelta:
    """How long to wait after `failures` failures in a row (1 or more).

    `late_in` until the last third of the time to recover, None without a certificate that could run out: a long pause
    that began shortly before must not use it up.
    """
    ladder = AFTER_OUTAGES if was_outage else AFTER_REFUSALS
    pause = ladder[min(failures, len(ladder)) - 1]
    return pause if late_in is None else min(pause, max(late_in, timedelta(0)) + WHEN_LATE)
