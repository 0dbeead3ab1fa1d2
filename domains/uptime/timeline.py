"""The probe timeline as a drawing: bars with a depth, seen in one-point perspective. Pure.

Coordinates are those of a viewBox of WIDTH by HEIGHT. The vanishing point lies above the middle; a
face's back is its front drawn towards it, by so little that no bar reaches its neighbour: bars may
then stand in the order of time, which is that of the keyboard, and need not be drawn back to front.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from statistics import median
from typing import Literal

from domains.uptime.figures import Bucket, latency
from domains.uptime.packing import Probe

WIDTH, HEIGHT = 1000.0, 230.0
_LEFT, _RIGHT, _FLOOR = 58.0, 994.0, 202.0
_TALLEST, _SHORTEST, _DOWN = 160.0, 8.0, 16.0
_VANISHING = (_LEFT + _RIGHT) / 2, -800.0
# A label that begins further to the right would be cut.
_LAST_TICK = WIDTH - 44.0
_WIDEST_GAP = 8.0
_ROUND = (50, 100, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000, 20_000, 60_000)

type Kind = Literal["up", "unsecured", "partly", "down", "none"]
WORDS: dict[Kind, str] = {
    "up": "Up",
    "unsecured": "Up over HTTP only",
    "partly": "Partly down",
    "down": "Down",
    "none": "Not looked",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """Three faces as SVG paths, `side` empty where it is seen edge-on; `mark` is a cross above what failed.

    `when`, `status`, `took` and `over` are the words of the table's columns, `title` all of them in one line.
    """

    kind: Kind
    when: str
    status: str
    took: str
    over: str
    front: str
    top: str
    side: str
    mark: str

    @property
    def word(self) -> str:
        return WORDS[self.kind]

    @property
    def title(self) -> str:
        details = (self.word, self.status, self.took, self.over)
        return " · ".join([self.when, *(words for words in details if words)])


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the scale at the height `y`, with its words."""

    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Timeline:
    bars: list[Bar]
    lines: list[Line]
    ticks: list[Tick]
    floor: str
    kinds: list[tuple[Kind, str]]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = _RIGHT


def draw(buckets: Sequence[Bucket], zone: tzinfo, *, asks_http: bool = True) -> Timeline:
    """One bar per bucket; `asks_http` says whether plain HTTP was tried where HTTPS was silent."""
    space = _Space.of(len(buckets))
    ceiling = _ceiling(buckets)
    bars = [_bar(bucket, place, space, ceiling, zone, asks_http) for place, bucket in enumerate(buckets)]
    shown = {bar.kind for bar in bars}
    return Timeline(
        bars,
        [Line(round(_FLOOR - _TALLEST * share, 1), _milliseconds(ceiling * share)) for share in (1, 0.5)],
        _ticks(buckets, space, zone),
        _closed([(_LEFT, _FLOOR), (_RIGHT, _FLOOR), space.back(_RIGHT, _FLOOR), space.back(_LEFT, _FLOOR)]),
        [(kind, words) for kind, words in WORDS.items() if kind in shown],
    )


@dataclass(frozen=True, slots=True)
class _Space:
    """Where bars stand, and how far their backs recede: `depth` is a share of the way to the vanishing point."""

    pitch: float
    gap: float
    depth: float

    @classmethod
    def of(cls, count: int) -> "_Space":
        pitch = (_RIGHT - _LEFT) / max(count, 1)
        gap = min(pitch * 0.46, _WIDEST_GAP)
        # The outermost back is shifted furthest, by no more than the gap.
        return cls(pitch, gap, gap / (_VANISHING[0] - _LEFT))

    def left(self, place: int) -> float:
        return _LEFT + place * self.pitch + self.gap / 2

    def back(self, x: float, y: float) -> tuple[float, float]:
        return x + (_VANISHING[0] - x) * self.depth, y + (_VANISHING[1] - y) * self.depth


def _bar(bucket: Bucket, place: int, space: _Space, ceiling: int, zone: tzinfo, asks_http: bool) -> Bar:
    kind = _kind(bucket.probes)
    left = space.left(place)
    right = left + space.pitch - space.gap
    top = _FLOOR - _height(kind, bucket.probes, ceiling)
    faces = _faces(left, right, top, space)
    mark = _cross((left + right) / 2, top - 14, min(3.0, (right - left) / 2)) if kind in ("partly", "down") else ""
    return Bar(
        kind,
        _when(bucket, zone),
        _status(bucket.probes, asks_http),
        _took(bucket.probes),
        _over(bucket.probes),
        *faces,
        mark,
    )


def _faces(left: float, right: float, top: float, space: _Space) -> tuple[str, str, str]:
    """Front, top and the side that is turned to the middle."""
    front = f"M{left:.1f} {top:.1f}H{right:.1f}V{_FLOOR:.0f}H{left:.1f}z"
    lid = _closed([(left, top), (right, top), space.back(right, top), space.back(left, top)])
    middle = _VANISHING[0]
    if left <= middle <= right:
        return front, lid, ""
    edge = right if right < middle else left
    return front, lid, _closed([(edge, top), space.back(edge, top), space.back(edge, _FLOOR), (edge, _FLOOR)])


def _closed(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "z"


def _cross(x: float, y: float, arm: float) -> str:
    return f"M{x - arm:.1f} {y - arm:.1f}l{2 * arm:.1f} {2 * arm:.1f}m0-{2 * arm:.1f}l-{2 * arm:.1f} {2 * arm:.1f}"


def _kind(probes: Sequence[Probe]) -> Kind:
    up = [probe for probe in probes if probe.is_up]
    if not probes:
        return "none"
    if not up:
        return "down"
    if len(up) < len(probes):
        return "partly"
    return "unsecured" if all(probe.scheme == "http" for probe in up) else "up"


def _height(kind: Kind, probes: Sequence[Probe], ceiling: int) -> float:
    if kind in ("none", "down"):
        return 1.5 if kind == "none" else _DOWN
    return max(_SHORTEST, _TALLEST * min(1.0, _usual(probes) / ceiling))


def _usual(probes: Sequence[Probe]) -> float:
    return median(probe.milliseconds for probe in probes if probe.is_up)


def _ceiling(buckets: Sequence[Bucket]) -> int:
    """The scale's upper end: a round number above nearly all, so that one slow answer does not flatten the rest."""
    found = latency(probe for bucket in buckets for probe in bucket.probes)
    return next((number for number in _ROUND if found and number >= found.p95 * 1.1), _ROUND[-1] if found else 100)


def _milliseconds(number: float) -> str:
    return f"{number / 1000:g} s" if number >= 1000 else f"{number:.0f} ms"


def _when(bucket: Bucket, zone: tzinfo) -> str:
    """The exact second of the only probe, else from when until when."""
    if len(bucket.probes) == 1:
        return f"{bucket.probes[0].at.astimezone(zone):%a %-d %b %Y, %H:%M:%S %Z}"
    start, end = bucket.start.astimezone(zone), bucket.end.astimezone(zone)
    if end.date() == start.date():
        return f"{start:%a %-d %b %Y, %H:%M} to {end:%H:%M %Z}"
    return f"{start:%a %-d %b %Y, %H:%M} to {end:%a %H:%M %Z}"


def _status(probes: Sequence[Probe], asks_http: bool) -> str:
    """`HTTP 200`, or of several probes the share and the most frequent answers."""
    if not probes:
        return ""
    silence = "no answer over HTTPS or HTTP" if asks_http else "no answer over HTTPS"
    said = Counter(f"HTTP {probe.status}" if probe.status else silence for probe in probes)
    answers = ", ".join(words for words, _ in said.most_common(3))
    if len(probes) == 1:
        return answers
    return f"{sum(probe.is_up for probe in probes)} of {len(probes)} up: {answers}"


def _took(probes: Sequence[Probe]) -> str:
    if len(probes) == 1:
        return f"{probes[0].milliseconds} ms" if probes[0].status else ""
    found = latency(probes)
    return f"median {found.median} ms" if found else ""


def _over(probes: Sequence[Probe]) -> str:
    schemes = {probe.scheme for probe in probes if probe.scheme}
    return " and ".join(scheme.upper() for scheme in sorted(schemes, reverse=True))


def _ticks(buckets: Sequence[Bucket], space: _Space, zone: tzinfo) -> list[Tick]:
    """At most eight, at full hours or at midnights, whichever the length of the whole asks for."""
    if not buckets:
        return []
    starts = [(place, bucket.start.astimezone(zone)) for place, bucket in enumerate(buckets)]
    days = (buckets[-1].end - buckets[0].start).days
    if days <= 1:
        chosen = [(place, f"{at:%H:%M}") for place, at in starts if at.minute == 0 and at.hour % 3 == 0]
    else:
        midnights = _midnights(starts)
        chosen = [(place, f"{at:%-d %b}") for place, at in midnights[:: max(1, -(-len(midnights) // 8))]]
    ticks = [Tick(round(_LEFT + place * space.pitch, 1), words) for place, words in chosen]
    return [tick for tick in ticks if tick.x <= _LAST_TICK]


def _midnights(starts: Sequence[tuple[int, datetime]]) -> list[tuple[int, datetime]]:
    """The first bar of each day but the one that the period cuts."""
    days = [at.date() for _, at in starts]
    return [starts[place] for place in range(1, len(starts)) if days[place] != days[place - 1]]
