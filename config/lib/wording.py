"""How moments and spans are said to people: the same words on pages, in mails and in exports.

`static/js/reltime.js` repeats `relative()` so that an open page keeps time; change both.
"""

from datetime import UTC, datetime, tzinfo

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY


def counted(number: int, unit: str) -> str:
    """`1 day`, `12 days`, `1,200 days`."""
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"


def span(seconds: float) -> str:
    """A length of time in its one fitting unit, rounded down: hours up to two days, days up to two years."""
    whole = int(abs(seconds))
    for limit, size, unit in (
        (100, 1, "second"),
        (100 * MINUTE, MINUTE, "minute"),
        (2 * DAY, HOUR, "hour"),
        (2 * YEAR, DAY, "day"),
    ):
        if whole < limit:
            return counted(whole // size, unit)
    return counted(whole // YEAR, "year")


def relative(moment: datetime, now: datetime) -> str:
    """`in 12 days`, `3 hours ago`, `just now`."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 10:
        return "just now"
    return f"in {span(seconds)}" if seconds > 0 else f"{span(seconds)} ago"


def exact(moment: datetime) -> str:
    """`2026-11-23 17:02:09 UTC`, the form every page shows on hover."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def day(moment: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    """`23 December`, with the year when it is another one than now's; `zone` decides the day."""
    try:
        local = moment.astimezone(zone)
    except OverflowError:  # A certificate without an end (RFC 5280, 4.1.2.5) has it at the calendar's.
        local = moment
    words = f"{local.day} {local:%B}"
    return words if local.year == now.astimezone(zone).year else f"{words} {local.year}"


def took(seconds: float | None) -> str:
    """The duration of a step: `0.2 s`, `41 s`, `3 min 05 s`; empty when unknown or too short to matter."""
    if seconds is None or seconds < 0.05:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
