"""The issuance window: when a certificate on file is near enough to its end to be replaced. Pure."""

from datetime import datetime, timedelta

SHORT_LIVED = timedelta(days=10)
# notAfter is the last valid second, so a certificate for 90 days lives 90.0 days and not a second less.
LAST_SECOND = timedelta(seconds=1)


def days_left_to_open(not_before: datetime, not_after: datetime, *, min_days_left: int) -> timedelta:
    """How much life may be left at most: the setting, but never more than a third of a lifetime.

    Under ten days a half, as Let's Encrypt advises: a third of 160 hours is too short for a repair.
    """
    lifetime = not_after - not_before + LAST_SECOND
    share = lifetime / 2 if lifetime < SHORT_LIVED else lifetime / 3
    return min(timedelta(days=min_days_left), share)


def window_opens_at(not_before: datetime, not_after: datetime, *, min_days_left: int) -> datetime:
    """From this moment on, inclusive, the same names may be ordered again."""
    return not_after + LAST_SECOND - days_left_to_open(not_before, not_after, min_days_left=min_days_left)


def shown_days(left: timedelta) -> str:
    """`30`, `21.3`: days with one decimal where it says something."""
    days = round(left / timedelta(days=1), 1)
    return f"{days:.0f}" if days == int(days) else f"{days}"
