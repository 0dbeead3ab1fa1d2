"""From facts to badges with their reasons, and to the path that is recommended. Pure; the traps are its tests."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from domains.hosting.evidence import Fact
from domains.hosting.platforms import PLATFORMS, Layer, Platform
from domains.hosting.signatures import PAGE_SIGNS, PROOF, SIGNATURES, PageSign, Signature

SHOWN_FROM = 60
# The zone's name servers lie at Cloudflare: whoever owns the site also owns what is in front of it there.
_CLOUDFLARE_ZONE = re.compile(r"\.ns\.cloudflare\.com$")
_ON_A_CONNECTION = frozenset({"header", "cookie"})
_DNS_TARGETS = frozenset({"cname", "address"})
_NOT_OF_A_PAGE = frozenset({"cname", "ns", "address", "san", "port"})
_WALLED_STATUSES = frozenset({403, 429, 503})


class Outcome(StrEnum):
    """What the front page turned out to be."""

    SITE = "site"
    BLOCKED = "blocked"
    PARKED = "parked"
    DEFAULT_PAGE = "default_page"
    NO_PAGE = "no_page"
    ELSEWHERE = "elsewhere"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True)
class Badge:
    """`confidence` is 1 to 100; each of `because` completes 'it is <platform>, because …'."""

    platform: str
    layer: str
    confidence: int
    because: list[str]


@dataclass(frozen=True)
class Verdict:
    """`badges` are sure enough to be shown; `path` is empty where nothing can be recommended.

    `vendor` has proved to manage the certificate; `zone_at_cloudflare` speaks of the DNS alone.
    """

    outcome: str
    badges: list[Badge] = field(default_factory=list)
    guesses: list[Badge] = field(default_factory=list)
    path: str = ""
    because_of: str = ""
    vendor: str = ""
    zone_at_cloudflare: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def has(self, platform: str) -> bool:
        return any(one.platform == platform for one in self.badges)

    @property
    def is_behind_vendors_cloudflare(self) -> bool:
        """Site builders use Cloudflare themselves: without a zone of one's own there, it is theirs."""
        return not self.zone_at_cloudflare and self.has("cloudflare") and _has_builder(self.badges)

    @property
    def tls_ends_at(self) -> list[str]:
        """Who, before the server itself, holds the certificate that visitors see."""
        return [one.platform for one in self.badges if one.layer == Layer.EDGE or PLATFORMS[one.platform].manages_tls]


@dataclass(frozen=True)
class Match:
    signature: Signature
    fact: Fact


def outcome_of(facts: Sequence[Fact], status: int | None, *, is_elsewhere: bool = False) -> Outcome:
    """What the last answer is, by its `status` (None: there was none) and its marks."""
    kinds = {sign.kind for sign in PAGE_SIGNS for fact in facts if _is_sign(sign, fact)}
    if "parked" in kinds:
        return Outcome.PARKED
    if status is None:
        return Outcome.NO_ANSWER
    if is_elsewhere:
        return Outcome.ELSEWHERE
    if status in _WALLED_STATUSES or "wall" in kinds:
        return Outcome.BLOCKED
    if not 200 <= status < 300:
        return Outcome.NO_PAGE
    return Outcome.DEFAULT_PAGE if "default" in kinds else Outcome.SITE


def judge(facts: Iterable[Fact], outcome: Outcome) -> Verdict:
    """What the facts amount to, given what kind of page they were found on."""
    told = list(facts)
    matches = [one for one in matches_of(told) if _COUNTS[outcome](one) and _is_of_this_host(one)]
    badges = _badges(matches)
    shown = [one for one in badges if one.confidence >= SHOWN_FROM and _is_complete(one, badges)]
    has_own_zone = any(one.where == "ns" and _CLOUDFLARE_ZONE.search(one.value) for one in told)
    vendor = _vendor(shown, matches)
    leading = vendor or _leading(shown, has_own_zone=has_own_zone)
    return Verdict(
        outcome=outcome,
        badges=shown,
        guesses=[one for one in badges if one not in shown],
        path=PLATFORMS[leading].path if leading else "",
        because_of=leading,
        vendor=vendor,
        zone_at_cloudflare=has_own_zone,
    )


def matches_of(facts: Sequence[Fact]) -> list[Match]:
    """Every signature that some fact bears out, once; what the host itself says goes before the rest."""
    ordered: dict[str, list[Fact]] = {}
    for fact in sorted(facts, key=lambda one: not one.is_here):
        ordered.setdefault(fact.where, []).append(fact)
    found = ((signature, _first(signature, ordered.get(signature.where, ()))) for signature in SIGNATURES)
    return [Match(signature, fact) for signature, fact in found if fact]


def _first(signature: Signature, facts: Iterable[Fact]) -> Fact | None:
    return next((one for one in facts if _fits(signature, one)), None)


def _fits(signature: Signature, fact: Fact) -> bool:
    if fact.where == "address":
        return ip_address(fact.value) in _network(signature.pattern)
    if fact.where == "cookie":
        return bool(_compiled(signature.key).search(fact.key))
    return signature.key == fact.key and bool(_compiled(signature.pattern).search(fact.value))


def _is_sign(sign: PageSign, fact: Fact) -> bool:
    return (sign.where, sign.key) == (fact.where, fact.key) and bool(_compiled(sign.pattern).search(fact.value))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


@cache
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def _is_of_this_host(match: Match) -> bool:
    """What stands in front of another host of the site says nothing about this one's certificate."""
    return match.fact.is_here or _platform(match).layer in (Layer.PLATFORM, Layer.PANEL)


def _has_builder(badges: Iterable[Badge]) -> bool:
    return any(PLATFORMS[one.platform].manages_tls for one in badges)


def _platform(match: Match) -> Platform:
    return PLATFORMS[match.signature.platform]


def _is_of_the_edge(match: Match) -> bool:
    return match.fact.where in _NOT_OF_A_PAGE or (
        match.fact.where in _ON_A_CONNECTION and _platform(match).layer == Layer.EDGE
    )


def _is_no_panel_mark(match: Match) -> bool:
    """Error pages and redirects: their headers are true of the server, their bodies of nobody's site."""
    if match.fact.where in _NOT_OF_A_PAGE:
        return True
    return match.fact.where in _ON_A_CONNECTION and _platform(match).layer != Layer.PANEL


def _is_anything(_match: Match) -> bool:
    return True


def _is_nothing(_match: Match) -> bool:
    return False


# Which matches say something about the site, by the kind of page that was met.
_COUNTS: dict[Outcome, Callable[[Match], bool]] = {
    Outcome.SITE: _is_anything,
    Outcome.DEFAULT_PAGE: lambda match: _platform(match).layer != Layer.PLATFORM,
    Outcome.NO_PAGE: _is_no_panel_mark,
    Outcome.ELSEWHERE: _is_no_panel_mark,
    Outcome.BLOCKED: _is_of_the_edge,
    Outcome.NO_ANSWER: lambda match: match.fact.where in _NOT_OF_A_PAGE,
    Outcome.PARKED: _is_nothing,
}


def _badges(matches: Iterable[Match]) -> list[Badge]:
    """One per platform, the surest first."""
    found: dict[str, list[Match]] = {}
    for match in matches:
        found.setdefault(match.signature.platform, []).append(match)
    badges = [
        Badge(
            platform=name,
            layer=PLATFORMS[name].layer,
            confidence=min(100, sum(_weights(signs))),
            because=list(dict.fromkeys(one.signature.because for one in signs)),
        )
        for name, signs in found.items()
    ]
    return sorted(badges, key=lambda one: (-one.confidence, list(PLATFORMS).index(one.platform)))


def _weights(signs: Iterable[Match]) -> Iterator[int]:
    """Two networks that hold the host's addresses are one hint, as are two targets of its CNAME."""
    counted = set[str]()
    for one in signs:
        if one.fact.where in _DNS_TARGETS:
            if one.fact.where in counted:
                continue
            counted.add(one.fact.where)
        yield one.signature.weight


def _is_complete(badge: Badge, badges: Iterable[Badge]) -> bool:
    needed = PLATFORMS[badge.platform].needs
    return not needed or any(one.platform == needed and one.confidence >= SHOWN_FROM for one in badges)


def _vendor(shown: Sequence[Badge], matches: Sequence[Match]) -> str:
    """The vendor that has proved to manage the certificate, '' where none has.

    A hot-linked picture or a 'Buy' button must not end somebody's renewals: it takes a strong header or cookie of
    the host's own, or a DNS target with one more hint.
    """
    for badge in shown:
        signs = [one for one in matches if one.signature.platform == badge.platform]
        if PLATFORMS[badge.platform].manages_tls and (_has_strong_sign(signs) or _has_target_and_hint(signs)):
            return badge.platform
    return ""


def _has_strong_sign(signs: Iterable[Match]) -> bool:
    return any(
        one.signature.weight == PROOF and one.fact.where in _ON_A_CONNECTION and one.fact.is_here for one in signs
    )


def _has_target_and_hint(signs: Sequence[Match]) -> bool:
    here = [one for one in signs if one.fact.is_here]
    targets = [one for one in here if one.fact.where in _DNS_TARGETS]
    return bool(targets) and len(targets) < len(here)


def _leading(shown: Sequence[Badge], *, has_own_zone: bool) -> str:
    """Whose path is recommended: the edge decides, then the panel, then the server, then the software."""
    foreign = set() if has_own_zone or not _has_builder(shown) else {"cloudflare"}
    for layer in (Layer.EDGE, Layer.PANEL, Layer.SERVER, Layer.PLATFORM):
        for badge in shown:
            if badge.layer == layer and badge.platform not in foreign and not PLATFORMS[badge.platform].manages_tls:
                return badge.platform
    return ""
