"""The life of a certificate as a drawing: where its ends, 'now' and the renewal window lie, and the words beside it.

Positions are percent of the drawing's width. The bar fills it, except that a certificate which has
expired, or is not valid yet, leaves room for the stretch between its end and 'now'.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from config.lib import wording

# The room beyond the bar never grows past this: an old expiry must not squeeze the life itself.
OUTSIDE_AT_MOST = 24.0
EXPIRING_SECONDS = 48 * 3600


@dataclass(frozen=True)
class Lifeline:
    start: float
    end: float
    now: float
    renew: float | None
    left: str
    right: str
    described: str
    is_expired: bool = False
    is_future: bool = False

    @property
    def spent(self) -> float:
        return max(0.0, min(self.now, self.end) - self.start)

    @property
    def length(self) -> float:
        return self.end - self.start

    @property
    def window(self) -> float:
        return 0.0 if self.renew is None else self.end - self.renew


def draw(
    not_before: datetime,
    not_after: datetime,
    now: datetime,
    renew_at: datetime | None = None,
    zone: tzinfo = UTC,
) -> Lifeline:
    """The drawing of a certificate's life; `renew_at` None: nobody renews it, so no window is shaded."""
    start, end = _ends(not_before, not_after, now)
    life = max((not_after - not_before).total_seconds(), 1.0)

    def place(moment: datetime) -> float:
        share = (moment - not_before).total_seconds() / life
        return round(start + (end - start) * min(max(share, 0.0), 1.0), 2)

    is_expired, is_future = now >= not_after, now < not_before
    left, right = remaining(not_before, not_after, now), renewal(not_after, now, renew_at, zone)
    return Lifeline(
        start=start,
        end=end,
        now=100.0 if is_expired else 0.0 if is_future else place(now),
        renew=None if renew_at is None or renew_at >= not_after else place(renew_at),
        left=left,
        right=right,
        described=_describe(not_before, not_after, now, left, right, zone),
        is_expired=is_expired,
        is_future=is_future,
    )


def _ends(not_before: datetime, not_after: datetime, now: datetime) -> tuple[float, float]:
    life = max((not_after - not_before).total_seconds(), 1.0)
    outside = max((now - not_after).total_seconds(), (not_before - now).total_seconds(), 0.0)
    room = round(min(OUTSIDE_AT_MOST, max(4.0, 100.0 * outside / (life + outside))), 2) if outside else 0.0
    if now >= not_after:
        return 0.0, 100.0 - room
    return (room, 100.0) if now < not_before else (0.0, 100.0)


def remaining(not_before: datetime, not_after: datetime, now: datetime) -> str:
    """`62 days left`, `31 hours left`, `expired 3 days ago`, `valid in 3 hours`."""
    if now >= not_after:
        return f"expired {wording.span((now - not_after).total_seconds())} ago"
    if now < not_before:
        return f"valid in {wording.span((not_before - now).total_seconds())}"
    return f"{wording.span((not_after - now).total_seconds())} left"


def renewal(not_after: datetime, now: datetime, renew_at: datetime | None, zone: tzinfo = UTC) -> str:
    """What happens at the end: `renews 23 December`, `renews in 14 hours`, `renewal due`, `expires 4 May 2027`."""
    if renew_at is None:
        verb = "expired" if now >= not_after else "expires"
        return f"{verb} {wording.day(not_after, now, zone)}"
    if renew_at <= now:
        return "renewal due"
    if (renew_at - now).total_seconds() < EXPIRING_SECONDS:
        return f"renews {wording.relative(renew_at, now)}"
    return f"renews {wording.day(renew_at, now, zone)}"


def _describe(not_before: datetime, not_after: datetime, now: datetime, left: str, right: str, zone: tzinfo) -> str:
    days = f"{wording.day(not_before, now, zone)} to {wording.day(not_after, now, zone)}"
    return f"Life of the certificate, {days}: {left}, {right}"


def as_text(line: Lifeline, width: int = 32) -> str:
    """The lifeline for plain-text mail: `[=====|----....] 62 days left, renews 23 December`."""
    cells = ["-"] * width
    for index in range(width):
        place = 100.0 * (index + 0.5) / width
        if line.renew is not None and place >= line.renew:
            cells[index] = "/"
        if place < line.now:
            cells[index] = "="
    cells[min(width - 1, int(width * line.now / 100))] = "|"
    return f"[{''.join(cells)}] {line.left}, {line.right}"
