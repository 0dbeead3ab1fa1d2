"""What is wrong with a served certificate, as a value: no database, no network, no clock of its own."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from config.lib.x509 import reading
from config.lib.x509.chain import CERTIFICATES_JUDGED, Built, build
from config.lib.x509.names import matches
from config.lib.x509.reading import HOSTILE, CertificateFacts, certificate_facts
from config.lib.x509.roots import Roots
from config.lib.x509.text import clean

CRITICAL, WARNING, INFO = "critical", "warning", "info"

_EVER = datetime.max.replace(tzinfo=UTC)
_NEVER = datetime.min.replace(tzinfo=UTC)
_WEAK_HASH = re.compile(r"md[245]|sha-?1(?!\d)", re.IGNORECASE)
_LEAST_BITS = {"RSA": 2048, "ECDSA": 224}


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about a certificate; its words are in the error catalogue under `code`."""

    code: str
    severity: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """One certificate of the chain as it is drawn: `role` is leaf, intermediate or root."""

    role: str
    facts: CertificateFacts
    served: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems` in order of weight, `trusted` when a root vouches for the chain (dates and name aside).

    Holds from `holds_from` until just before `holds_until`; `chain_sha256` names the whole served list.
    """

    problems: tuple[Problem, ...]
    trusted: bool
    path: tuple[Link, ...]
    chain_sha256: str
    holds_from: datetime
    holds_until: datetime

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(problem.code for problem in self.problems)


class _Recent[T]:
    """The newest `size` answers; a lost one costs a recomputation and nothing else."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: dict[tuple[str, ...], T] = {}

    def get(self, key: tuple[str, ...]) -> T | None:
        return self._items.get(key)

    def put(self, key: tuple[str, ...], item: T) -> None:
        # Threads may race here: the worst outcome is one entry more or less.
        if len(self._items) >= self._size:
            for old in list(self._items)[: self._size // 4]:
                self._items.pop(old, None)
        self._items[key] = item

    def clear(self) -> None:
        self._items.clear()


_verdicts: _Recent[Verdict] = _Recent(50_000)


def chain_sha256(ders: Sequence[bytes]) -> str:
    """One hash over the whole served list, lengths included."""
    whole = hashlib.sha256()
    for der in ders:
        whole.update(len(der).to_bytes(4, "big"))
        whole.update(der)
    return whole.hexdigest()


def verdict(ders: Sequence[bytes], host: str, now: datetime, roots: Roots) -> Verdict:
    """Judge a served list (leaf first, not empty) for `host` at `now`.

    The answer for a list, a root store and a name is remembered until the next date at which it
    changes, so that a steady certificate costs one hash and one look-up. Raises nothing over hostile
    certificates; never fetches anything.
    """
    digest = chain_sha256(ders)
    key = (digest, roots.version, host)
    known = _verdicts.get(key)
    if known and known.holds_from <= now < known.holds_until:
        return known
    fresh = judge(ders, host, now, roots, digest)
    _verdicts.put(key, fresh)
    return fresh


def judge(ders: Sequence[bytes], host: str, now: datetime, roots: Roots, digest: str) -> Verdict:
    """The same without memory."""
    built = build(ders, roots, now)
    path = _links(built, ders)
    problems = [*_leaf_problems(ders[0], host), *_date_problems(path, now), *_chain_problems(built, path, ders)]
    changes = sorted(moment for link in path for moment in _moments(link))
    return Verdict(
        problems=by_weight(problems),
        trusted=built.trusted,
        path=path,
        chain_sha256=digest,
        holds_from=max((moment for moment in changes if moment <= now), default=_NEVER),
        holds_until=min((moment for moment in changes if moment > now), default=_EVER),
    )


def by_weight(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The most severe first, each severity in the order given."""
    return tuple(sorted(problems, key=lambda problem: (CRITICAL, WARNING, INFO).index(problem.severity)))


def warning_spans(lifetime: timedelta) -> tuple[timedelta, timedelta]:
    """How long before its end a certificate of this lifetime is expiring, and critically so.

    A quarter and a tenth of its life, at most 30 and 7 days: with lifetimes from 160 hours to a year
    side by side, a fixed number of days would be a daily false alarm for one and too late for another.
    """
    return min(timedelta(days=30), lifetime / 4), min(timedelta(days=7), lifetime / 10)


def _links(built: Built, ders: Sequence[bytes]) -> tuple[Link, ...]:
    served = set(ders)
    last = len(built.path) - 1
    return tuple(
        Link(_role(position, last, built.trusted), certificate_facts(der), der in served)
        for position, der in enumerate(built.path)
    )


def _role(position: int, last: int, trusted: bool) -> str:
    if position == 0:
        return "leaf"
    return "root" if trusted and position == last else "intermediate"


def _moments(link: Link) -> Iterator[datetime]:
    one = link.facts
    if one.not_before and one.not_after:
        yield one.not_before
        # Valid through the last second that notAfter names (RFC 5280, 4.1.2.5).
        yield _shifted(one.not_after, timedelta(seconds=1))
        for span in warning_spans(one.not_after - one.not_before):
            yield _shifted(one.not_after, -span)


def _shifted(moment: datetime, span: timedelta) -> datetime:
    """`moment + span`, held within the calendar: 9999-12-31T23:59:59Z means "no end" (RFC 5280, 4.1.2.5)."""
    try:
        return moment + span
    except OverflowError:
        return _EVER if span > timedelta(0) else _NEVER


def _leaf_problems(der: bytes, host: str) -> Iterator[Problem]:
    certificate = reading.parse(der)
    if certificate is None:
        yield Problem("certificate_unreadable", CRITICAL)
        return
    yield from _name_problems(certificate, host)
    yield from _usage_problems(certificate)


def _name_problems(certificate: x509.Certificate, host: str) -> Iterator[Problem]:
    names = reading.dns_names(certificate)
    if any(matches(name, host) for name in names):
        return
    if not reading.has_sans(certificate):
        yield Problem("no_san", CRITICAL, {"host": host})
        return
    shown = [clean(name, 100) for name in names[:5]]
    yield Problem("name_mismatch", CRITICAL, {"host": host, "names": shown, "name_count": len(names)})


def _usage_problems(certificate: x509.Certificate) -> Iterator[Problem]:
    try:
        found = reading.usages(certificate)
    except HOSTILE:
        return
    if found and not {"serverAuth", "any"} & set(found):
        yield Problem("wrong_usage", CRITICAL, {"usages": list(found)})
    if _is_anothers_authority(certificate):
        yield Problem("authority_as_leaf", WARNING)


def _is_anothers_authority(certificate: x509.Certificate) -> bool:
    """What signs itself is told as self-signed, whatever it says it may do."""
    try:
        return reading.is_ca(certificate) and certificate.issuer != certificate.subject
    except HOSTILE:
        return False


def _date_problems(path: Sequence[Link], now: datetime) -> Iterator[Problem]:
    leaf = path[0].facts
    for link in path:
        found = _date_problem(link.facts, now)
        if found and link.role == "leaf":
            yield Problem(*found, _dates(link.facts))
        elif found and (found[0] != "expiring" or _ends_first(link.facts, leaf)):
            severity = WARNING if found[0] == "expiring" else CRITICAL
            yield Problem(f"chain_{found[0]}", severity, {"name": _shown_name(link.facts), **_dates(link.facts)})


def _ends_first(one: CertificateFacts, leaf: CertificateFacts) -> bool:
    return bool(one.not_after and leaf.not_after and one.not_after < leaf.not_after)


def _date_problem(one: CertificateFacts, now: datetime) -> tuple[str, str] | None:
    if one.not_before is None or one.not_after is None:
        return ("dates_unreadable", CRITICAL)
    if now >= _shifted(one.not_after, timedelta(seconds=1)):
        return ("expired", CRITICAL)
    if now < one.not_before:
        return ("not_yet_valid", CRITICAL)
    warning, critical = warning_spans(one.not_after - one.not_before)
    left = one.not_after - now
    if left <= warning:
        return ("expiring", CRITICAL if left <= critical else WARNING)
    return None


def _chain_problems(built: Built, path: Sequence[Link], ders: Sequence[bytes]) -> Iterator[Problem]:
    if built.reason:
        yield Problem(built.reason, CRITICAL, {"issuer": built.detail} if built.detail else {})
    for link in path:
        if link.role != "root":
            yield from _strength_problems(link)
    judged = min(len(ders), CERTIFICATES_JUDGED)
    if len(built.linked) < judged or judged < len(ders):
        yield Problem("chain_superfluous", INFO, {"count": len(ders) - len(built.linked)})
    if list(built.linked) != sorted(built.linked):
        yield Problem("chain_order", WARNING)


def _strength_problems(link: Link) -> Iterator[Problem]:
    one = link.facts
    kind = one.key.partition(" ")[0]
    if kind == "DSA" or 0 < one.key_bits < _LEAST_BITS.get(kind, 0):
        yield Problem("weak_key", CRITICAL, {"key": one.key, "name": _shown_name(one)})
    if _WEAK_HASH.search(one.signature):
        yield Problem("weak_signature", CRITICAL, {"signature": one.signature, "name": _shown_name(one)})


def _shown_name(one: CertificateFacts) -> str:
    return one.common_name or one.subject or one.fingerprint_sha256[:16]


def _dates(one: CertificateFacts) -> dict[str, Any]:
    return {
        "not_before": f"{one.not_before:%Y-%m-%d %H:%M} UTC" if one.not_before else "",
        "not_after": f"{one.not_after:%Y-%m-%d %H:%M} UTC" if one.not_after else "",
    }
