"""A look at every address, as its page and the API show it. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from string import ascii_uppercase
from typing import Any

from config.lib.errors import Wording, describe
from config.lib.moments import parse_moment
from domains.models import AddressCheck
from domains.state import OWN_WORDS, end_in

# The code of an address that has had enough connections from us for now: nothing is known about it.
BUSY = "address_busy"


@dataclass(frozen=True)
class ShownAddress:
    """One row of the grid. `mark` is the letter of its certificate: the same letter, the same certificate.

    `state` is the word of its verdict: a certificate near its end is called that, and no problem.
    """

    address: str
    is_pending: bool = False
    is_busy: bool = False
    trouble: Wording | None = None
    mark: str = ""
    fingerprint: str = ""
    issuer: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    is_trusted: bool = False
    problems: list[Wording] = field(default_factory=list)
    tls_version: str = ""
    state: str = ""
    life_state: str = ""


@dataclass(frozen=True)
class AddressesShown:
    """`summary` says in one sentence whether the addresses agree, as far as they were asked."""

    is_under_way: bool = False
    asked_at: datetime | None = None
    checked_at: datetime | None = None
    trouble: Wording | None = None
    rows: list[ShownAddress] = field(default_factory=list)
    left_out: int = 0
    summary: str = ""
    is_agreed: bool = True
    is_without_ipv6: bool = False


def addresses_shown(row: AddressCheck | None) -> AddressesShown:
    """The page's words; without any rows where nobody has ever asked."""
    if row is None:
        return AddressesShown()
    results: Sequence[Mapping[str, Any]] = row.results
    return AddressesShown(
        is_under_way=row.is_under_way,
        asked_at=row.asked_at,
        checked_at=row.checked_at,
        trouble=describe(row.error_code, row.error_params) if row.error_code else None,
        rows=[_shown(one, _marks(results)) for one in results],
        left_out=row.left_out,
        summary=_summary(results) if row.checked_at else "",
        is_agreed=not is_differing(results),
        is_without_ipv6=_is_without_ipv6(results),
    )


def is_differing(results: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a visitor's luck decides: another certificate, or none, at some of the addresses."""
    return len({one.get("fingerprint_sha256", "") for one in _asked(results)}) > 1


def _asked(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without those that we pressed no further: they may serve anything."""
    return [one for one in results if one.get("code") != BUSY]


def _marks(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    found = dict.fromkeys(one.get("fingerprint_sha256", "") for one in results)
    found.pop("", None)
    return dict(zip(found, ascii_uppercase, strict=False))


def _shown(one: Mapping[str, Any], marks: Mapping[str, str]) -> ShownAddress:
    if "code" not in one:
        return ShownAddress(one["address"], is_pending=True)
    trouble = describe(one["code"], one["params"]) if one["code"] else None
    fingerprint = one["fingerprint_sha256"]
    if not fingerprint:
        return ShownAddress(one["address"], trouble=trouble, is_busy=one["code"] == BUSY)
    codes = {each["code"] for each in one["problems"]}
    return ShownAddress(
        address=one["address"],
        trouble=trouble,
        mark=marks[fingerprint],
        fingerprint=fingerprint[:16],
        issuer=one["issuer"],
        not_before=_moment(one["not_before"]),
        not_after=_moment(one["not_after"]),
        is_trusted=one["trusted"],
        problems=[describe(each["code"], each["params"]) for each in one["problems"]],
        tls_version=one["tls_version"],
        state="problem" if codes - OWN_WORDS else end_in(codes),
        life_state=end_in(codes),
    )


def _moment(text: str | None) -> datetime | None:
    return parse_moment(text) if text else None


def _summary(results: Sequence[Mapping[str, Any]]) -> str:
    marks = _marks(results)
    asked = _asked(results)
    counts = Counter(marks.get(one.get("fingerprint_sha256", ""), "") for one in asked)
    silent = counts.pop("", 0)
    if not counts:
        return "No address served a certificate." if asked else ""
    if len(asked) < len(results) and len(counts) == 1 and not silent:
        return f"Those that were asked, {len(asked)} of {len(results)}, serve the same certificate."
    if len(counts) == 1 and not silent:
        total = len(results)
        return "The name has one address." if total == 1 else f"All {total} addresses serve the same certificate."
    told = [f"{_serve(count)} certificate {mark}" for mark, count in sorted(counts.items())]
    if silent:
        told.append(f"{silent} served none")
    return f"The addresses differ: {', '.join(told)}. Which one a visitor meets is up to chance."


def _serve(count: int) -> str:
    return "1 serves" if count == 1 else f"{count} serve"


def _is_without_ipv6(results: Sequence[Mapping[str, Any]]) -> bool:
    """IPv6 failed at the first step and IPv4 did not: the portal itself may have no way there."""
    six = [one for one in results if ":" in one["address"]]
    four = [one for one in results if ":" not in one["address"]]
    is_no_way = six and all(one.get("code") == "connect_unreachable" for one in six)
    return bool(is_no_way and any(one.get("fingerprint_sha256") for one in four))
