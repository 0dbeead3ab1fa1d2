"""What probes amount to: share of answers, response times, outages, and bars of a period. Pure.

A time in which nobody looked is neither up nor down: it counts nowhere, and it ends an outage whose
end was not seen.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from domains.uptime.packing import Probe

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# Lengths of a bar: each divides the day, so that bars begin at full hours.
STEPS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 180, 240, 360, 480, 720, 1440))


@dataclass(frozen=True, slots=True)
class Period:
    """What the page and the API offer; `step` is the shortest time that one bar stands for."""

    key: str
    words: str
    length: timedelta
    step: timedelta


PERIODS = {
    "24h": Period("24h", "last 24 hours", timedelta(days=1), STEPS[0]),
    "7d": Period("7d", "last 7 days", timedelta(days=7), timedelta(hours=2)),
    "30d": Period("30d", "last 30 days", timedelta(days=30), timedelta(hours=8)),
}


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds: half of the answers took no longer than `median`, 95 in 100 no longer than `p95`."""

    median: int
    p95: int


@dataclass(frozen=True, slots=True)
class Outage:
    """Probes in a row that found the site down.

    `ended_at` is the first answer after them; None: it lasts, or `is_over` and nobody looked for so
    long that its end was not seen. `last_at` is the last probe that found it down.
    """

    started_at: datetime
    last_at: datetime
    ended_at: datetime | None
    probes: int
    first: Probe
    is_over: bool = True


@dataclass(frozen=True, slots=True)
class Bucket:
    """The probes of one bar, which may be none; from `start` until before `end`."""

    start: datetime
    end: datetime
    probes: tuple[Probe, ...]


def percent_of(up: int, count: int) -> float | None:
    """Two decimals, rounded down, so that 100 means that every probe was answered; None without probes."""
    return math.floor(10_000 * up / count) / 100 if count else None


def percent(probes: Iterable[Probe]) -> float | None:
    answers = [probe.is_up for probe in probes]
    return percent_of(sum(answers), len(answers))


def latency(probes: Iterable[Probe]) -> Latency | None:
    """Of the answers that were up: how soon an error comes says nothing about the site. None without any."""
    took = sorted(probe.milliseconds for probe in probes if probe.is_up)
    return Latency(_ranked(took, 50), _ranked(took, 95)) if took else None


def _ranked(ordered: Sequence[int], share: int) -> int:
    """The smallest value that `share` per cent of all do not exceed (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def longest_silence(interval: timedelta) -> timedelta:
    """How long a probe speaks for the site: two beats and some delay."""
    return 2 * interval + 10 * MINUTE


def outages(probes: Sequence[Probe], now: datetime, silence: timedelta) -> list[Outage]:
    """Newest first, of probes in the order of time; `silence` without a probe ends what is known."""
    return list(reversed(list(_outages(probes, now, silence))))


def _outages(probes: Sequence[Probe], now: datetime, silence: timedelta) -> Iterator[Outage]:
    down: list[Probe] = []
    for probe in probes:
        if down and (probe.is_up or probe.at - down[-1].at > silence):
            was_seen = probe.is_up and probe.at - down[-1].at <= silence
            yield _outage(down, probe.at if was_seen else None)
            down = []
        if not probe.is_up:
            down.append(probe)
    if down:
        yield _outage(down, None, is_over=now - down[-1].at > silence)


def _outage(down: Sequence[Probe], ended_at: datetime | None, *, is_over: bool = True) -> Outage:
    return Outage(down[0].at, down[-1].at, ended_at, len(down), down[0], is_over)


def step_of(period: Period, interval: timedelta) -> timedelta:
    """How long a bar is: no shorter than the interval, or every other bar would be empty."""
    wanted = max(period.step, interval)
    return next((step for step in STEPS if step >= wanted), STEPS[-1])


def buckets(probes: Sequence[Probe], since: datetime, now: datetime, step: timedelta, zone: tzinfo) -> list[Bucket]:
    """Bars that cover `since` until `now`, beginning at the full hours of `zone`; probes in the order of time.

    On a day that is 23 or 25 hours long, the bar over the change of the clock is shorter or longer.
    """
    edges = _edges(since, now, step, zone)
    filed: list[list[Probe]] = [[] for _ in edges[1:]]
    place = 0
    for probe in probes:
        while place < len(filed) - 1 and probe.at >= edges[place + 1]:
            place += 1
        if edges[place] <= probe.at < edges[place + 1]:
            filed[place].append(probe)
    return [Bucket(edges[at], edges[at + 1], tuple(found)) for at, found in enumerate(filed)]


def without_empty_ends(found: Sequence[Bucket], since: datetime, now: datetime) -> list[Bucket]:
    """Leaves out bars that the period cuts and that hold nothing: their other part may have been looked at."""
    return [bucket for bucket in found if bucket.probes or (bucket.start >= since and bucket.end <= now)]


def _edges(since: datetime, now: datetime, step: timedelta, zone: tzinfo) -> list[datetime]:
    """The bars' ends in UTC, the first at or before `since`, the last after `now`."""
    if step < HOUR:
        # Zones differ by full quarters of an hour, if not by more; no clock is to be asked for less.
        first = datetime.fromtimestamp(since.timestamp() // step.total_seconds() * step.total_seconds(), UTC)
        count = math.floor((now - first) / step) + 2
        return [first + at * step for at in range(count)]
    return _local_edges(since, now, step, zone)


def _local_edges(since: datetime, now: datetime, step: timedelta, zone: tzinfo) -> list[datetime]:
    midnight = since.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    days = (now.astimezone(zone).replace(tzinfo=None) - midnight).days + 2
    walls = [midnight + at * step for at in range(days * (24 * HOUR // step) + 1)]
    # Two wall times may be one moment where the clock jumps ahead.
    moments = sorted({wall.replace(tzinfo=zone).astimezone(UTC) for wall in walls})
    first = max(at for at, moment in enumerate(moments) if moment <= since)
    last = min(at for at, moment in enumerate(moments) if moment > now)
    return moments[first : last + 1]
