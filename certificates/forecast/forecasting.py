"""How often each certificate renews when lifetimes shrink, and what that breaks. Pure: no clock, no database.

Dates and lengths: Let's Encrypt's announcement of 2 December 2025 (default profile), and section 6.3.2 of the
CA/Browser Forum's Baseline Requirements (ballot SC-081) for everybody who issues publicly trusted certificates.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

type Kind = Literal["letsencrypt", "public", "private"]

YEAR = timedelta(days=365)
SHORT_LIVED = timedelta(days=10)
# From here on nobody does it by hand for long.
OFTEN_BY_HAND = 6


@dataclass(frozen=True)
class Milestone:
    """From `at` on, new certificates of these kinds live at most `days`."""

    key: str
    at: datetime
    days: int
    kinds: tuple[Kind, ...]
    about: str


MILESTONES = (
    Milestone(
        "le64", datetime(2027, 2, 10, tzinfo=UTC), 64, ("letsencrypt",), "Let's Encrypt's default becomes 64 days"
    ),
    Milestone(
        "ca100",
        datetime(2027, 3, 15, tzinfo=UTC),
        100,
        ("letsencrypt", "public"),
        "public CAs issue for at most 100 days",
    ),
    Milestone(
        "le45", datetime(2028, 2, 16, tzinfo=UTC), 45, ("letsencrypt",), "Let's Encrypt's default becomes 45 days"
    ),
    Milestone(
        "ca47",
        datetime(2029, 3, 15, tzinfo=UTC),
        47,
        ("letsencrypt", "public"),
        "public CAs issue for at most 47 days",
    ),
)


@dataclass(frozen=True)
class Holding:
    """A certificate on file. `is_manual`: nobody but people renews it. `key` is the caller's own."""

    key: str
    kind: Kind
    not_before: datetime
    not_after: datetime
    is_manual: bool
    is_upload: bool

    @property
    def lifetime(self) -> timedelta:
        # notAfter is the last second of it.
        return self.not_after - self.not_before + timedelta(seconds=1)


@dataclass(frozen=True)
class Rule:
    """An alert that counts days before the end."""

    name: str
    days: int


@dataclass(frozen=True)
class Future:
    """One certificate after one milestone: `per_year` renewals, the first under the new rule about `first_at`.

    `breaks` are codes of BREAKS.
    """

    holding: Holding
    lifetime: timedelta
    per_year: int
    first_at: datetime
    breaks: tuple[str, ...]


@dataclass(frozen=True)
class Forecast:
    """All certificates after one milestone; `rules` would speak at every renewal of a healthy certificate."""

    milestone: Milestone
    is_past: bool
    futures: tuple[Future, ...]
    per_year: int
    by_hand: int
    by_hand_per_year: int
    rules: tuple[str, ...]

    @property
    def by_hand_words(self) -> str:
        return "1 certificate" if self.by_hand == 1 else f"{self.by_hand} certificates"


BREAKS = {
    "by_hand_often": "somebody has to renew it by hand {per_year} times a year",
    "upload_often": "somebody has to upload its successor {per_year} times a year",
    "dns_by_hand": "each renewal asks for new TXT records: Let's Encrypt then remembers a proof for 7 hours only",
    "term_too_long": "its CA may not issue for {days} days any more; what was bought for longer is issued in pieces",
}


def share_used(lifetime: timedelta) -> float:
    """The part of a lifetime after which a certificate is renewed: two thirds, a half for the short-lived."""
    return 1 / 2 if lifetime < SHORT_LIVED else 2 / 3


def renewals_per_year(lifetime: timedelta) -> int:
    """How often a certificate of this lifetime is renewed in a year, rounded up."""
    used = max(lifetime, timedelta(hours=1)) * share_used(lifetime)
    return math.ceil(round(YEAR / used, 6))


def lifetime_after(holding: Holding, milestone: Milestone) -> timedelta:
    """What a successor may live once every milestone up to this one counts; private CAs do as they like."""
    limits = [one.days for one in MILESTONES if one.at <= milestone.at and holding.kind in one.kinds]
    return min([holding.lifetime, *(timedelta(days=days) for days in limits)])


def first_renewal_after(holding: Holding, at: datetime) -> datetime:
    """The first moment from `at` on at which its present rhythm asks for a successor."""
    rhythm = max(holding.lifetime, timedelta(hours=1)) * share_used(holding.lifetime)
    due = holding.not_before + rhythm
    return due if due >= at else due + rhythm * math.ceil((at - due) / rhythm)


def forecast(holdings: Sequence[Holding], rules: Iterable[Rule], now: datetime) -> list[Forecast]:
    """One forecast per milestone, in the order of their dates."""
    known = list(rules)
    return [_after(milestone, holdings, known, now) for milestone in MILESTONES]


def _after(milestone: Milestone, holdings: Sequence[Holding], rules: Sequence[Rule], now: datetime) -> Forecast:
    futures = tuple(_future(holding, milestone) for holding in holdings)
    by_hand = [one for one in futures if one.holding.is_manual]
    healthy = [one.lifetime * (1 - share_used(one.lifetime)) for one in futures if not one.holding.is_manual]
    shortest = min(healthy, default=None)
    loud = [one.name for one in rules if shortest is not None and timedelta(days=one.days) > shortest]
    return Forecast(
        milestone=milestone,
        is_past=milestone.at <= now,
        futures=futures,
        per_year=sum(one.per_year for one in futures),
        by_hand=len(by_hand),
        by_hand_per_year=sum(one.per_year for one in by_hand),
        rules=tuple(loud),
    )


def _future(holding: Holding, milestone: Milestone) -> Future:
    lifetime = lifetime_after(holding, milestone)
    per_year = renewals_per_year(lifetime)
    return Future(
        holding=holding,
        lifetime=lifetime,
        per_year=per_year,
        first_at=first_renewal_after(holding, milestone.at),
        breaks=tuple(_breaks(holding, milestone, lifetime, per_year)),
    )


def _breaks(holding: Holding, milestone: Milestone, lifetime: timedelta, per_year: int) -> Iterable[str]:
    if holding.is_upload and lifetime < holding.lifetime:
        yield "term_too_long"
    if holding.is_manual and per_year >= OFTEN_BY_HAND:
        yield "upload_often" if holding.is_upload else "by_hand_often"
    is_dns = holding.kind == "letsencrypt" and not holding.is_upload
    if holding.is_manual and is_dns and milestone.at >= _LE45.at:
        yield "dns_by_hand"


_LE45 = next(one for one in MILESTONES if one.key == "le45")
