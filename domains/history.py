"""The history of what a domain serves: each certificate with its problems once, however often it comes back.

A name with several servers may show another certificate at each visit. The list of certificates and its
problems then find their old row by a digest, which counts how often it became the current one; and once
two have taken turns, the problems of both count for as long as they do, so that nothing is opened and
closed with every visit.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db.models import F, Q

from domains.models import Inspection, Visit

# Servers that take turns show themselves within a few visits; after a day without, it was a change for good.
ALTERNATES_FOR = timedelta(days=1)
OTHERS_KEPT = 4


class Switched(Protocol):
    """What `recall` and `file_switches` need of a conclusion."""

    visit: Visit
    columns: dict[str, Any]
    inspection: Inspection | None
    is_return: bool


def seen_digest(chain_sha256: str, problems: Sequence[Mapping[str, Any]]) -> str:
    """Names a served list of certificates together with what was wrong with it."""
    whole = json.dumps([chain_sha256, list(problems)], sort_keys=True, default=str)
    return hashlib.sha256(whole.encode()).hexdigest()


def others_now(visit: Visit, now: datetime) -> dict[str, Any]:
    """Of the certificates that were served in turn with the current one, those seen within the last day."""
    recent = (now - ALTERNATES_FOR).isoformat()
    return {key: one for key, one in visit.others.items() if one["at"] > recent}


def united(problems: Sequence[dict[str, Any]], others: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The problems of all certificates that are served in turn, each code once, in an order of their own."""
    if not others:
        return list(problems)
    found: dict[str, dict[str, Any]] = {}
    for one in (*problems, *(each for other in others.values() for each in other["problems"])):
        known = found.get(one["code"])
        # Which of two wins must not hang on whose turn it is.
        if known is None or _rank(one) > _rank(known):
            found[one["code"]] = one
    return [found[code] for code in sorted(found)]


def _rank(problem: Mapping[str, Any]) -> tuple[int, str]:
    weight = ("info", "warning", "critical").index(problem["severity"])
    return weight, json.dumps(problem["params"], sort_keys=True, default=str)


def recall(conclusions: Iterable[Switched]) -> None:
    """Let conclusions with news take the row that the history has of them, in one query for all."""
    switched = {(one.visit.domain_id, one.inspection.digest): one for one in conclusions if one.inspection}
    if not switched:
        return
    wanted = Q(domain_id__in={key for key, _ in switched}, digest__in={digest for _, digest in switched})
    for row in Inspection.unscoped.filter(wanted).defer("leaf", "chain"):
        if concluded := switched.get((row.domain_id, row.digest)):
            _return_to(concluded, row)


def _return_to(concluded: Switched, row: Inspection) -> None:
    visit, columns, left = concluded.visit, concluded.columns, concluded.visit.inspection
    concluded.inspection, concluded.is_return = row, True
    columns["inspection_id"] = row.pk
    others = {key: one for key, one in columns["others"].items() if key != str(row.pk)}
    is_recent = row.last_seen_at and columns["certificate_at"] - row.last_seen_at < ALTERNATES_FOR
    # One return is an installation that was undone; a return from a return is a second server.
    if left and left.pk != row.pk and is_recent and (left.times > 1 or columns["others"]):
        others[str(left.pk)] = _summary(left, visit)
    columns["others"] = dict(sorted(others.items(), key=lambda item: item[1]["at"])[-OTHERS_KEPT:])


def _summary(left: Inspection, visit: Visit) -> dict[str, Any]:
    seen_at = visit.certificate_at or left.seen_at
    return {
        "at": seen_at.isoformat(),
        "fingerprint_sha256": left.fingerprint_sha256,
        "issuer": visit.issuer_name,
        "not_before": visit.not_before.isoformat() if visit.not_before else None,
        "not_after": visit.not_after.isoformat() if visit.not_after else None,
        "problems": left.problems,
    }


def file_switches(conclusions: Sequence[Switched]) -> None:
    """Store the rows that are new, count those that came back, and note when the ones before were last seen."""
    switched = [one for one in conclusions if one.inspection]
    Inspection.unscoped.bulk_create([one.inspection for one in switched if one.inspection and not one.is_return])
    for one in switched:
        if one.is_return and one.inspection:
            Inspection.unscoped.filter(pk=one.inspection.pk).update(times=F("times") + 1)
        if one.visit.inspection_id and one.visit.certificate_at:
            Inspection.unscoped.filter(pk=one.visit.inspection_id).update(last_seen_at=one.visit.certificate_at)


@dataclass(frozen=True)
class Change:
    """One line of a difference: what was there before and what is there now, as text; `what` names it."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """What distinguishes one inspection from the one before it; `is_other_certificate` is false for problems alone."""

    is_other_certificate: bool
    changes: list[Change] = field(default_factory=list)
    names_added: list[str] = field(default_factory=list)
    names_removed: list[str] = field(default_factory=list)
    more_names: bool = False
    problems_new: list[Mapping[str, Any]] = field(default_factory=list)
    problems_gone: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def has_lines(self) -> bool:
        """Whether there is anything to show but that it is another certificate."""
        problems = self.problems_new or self.problems_gone
        return bool(self.changes or self.names_added or self.names_removed or problems)


def difference(before: Inspection, after: Inspection) -> Difference:
    """What changed between two inspections of one domain. Pure."""
    old_names, new_names = (set(one.leaf.get("sans", ())) for one in (before, after))
    told = {what: (read(before), read(after)) for what, read in _COMPARED.items()}
    return Difference(
        is_other_certificate=before.fingerprint_sha256 != after.fingerprint_sha256,
        changes=[Change(what, old, new) for what, (old, new) in told.items() if old != new],
        names_added=sorted(new_names - old_names),
        names_removed=sorted(old_names - new_names),
        # Only the first hundred names are kept.
        more_names=any(one.leaf.get("san_count", 0) > len(one.leaf.get("sans", ())) for one in (before, after)),
        problems_new=_only_in(after, before),
        problems_gone=_only_in(before, after),
    )


def _fact(name: str) -> Callable[[Inspection], str]:
    return lambda inspection: str(inspection.leaf.get(name) or "")


def _span(inspection: Inspection) -> str:
    return " to ".join((inspection.leaf.get(name) or "unreadable")[:10] for name in ("not_before", "not_after"))


def _usages(inspection: Inspection) -> str:
    return ", ".join(inspection.leaf.get("usages") or ["not restricted"])


def _chain(inspection: Inspection) -> str:
    """The certificates above the leaf, in words."""
    above = [one["common_name"] or one["subject"] or "no name" for one in inspection.chain[1:]]
    return " ← ".join(above) or "nothing above it"


_COMPARED: dict[str, Callable[[Inspection], str]] = {
    "Issuer": _fact("issuer"),
    "Subject": _fact("subject"),
    "Valid": _span,
    "Key": _fact("key"),
    "Signature": _fact("signature"),
    "Usage": _usages,
    "Chain": _chain,
}


def _only_in(one: Inspection, other: Inspection) -> list[Mapping[str, Any]]:
    known = {problem["code"] for problem in other.problems}
    return [problem for problem in one.problems if problem["code"] not in known]


def before_this(inspection: Inspection) -> Inspection | None:
    """What the domain served before this, by the time when each was seen last; None for the first."""
    rows = Inspection.unscoped.filter(domain_id=inspection.domain_id).exclude(pk=inspection.pk)
    left = rows.filter(last_seen_at__isnull=False).order_by("-last_seen_at", "-pk").first()
    return left or rows.filter(seen_at__lt=inspection.seen_at).order_by("-seen_at", "-pk").first()


def with_differences(rows: Sequence[Inspection]) -> list[tuple[Inspection, Difference | None]]:
    """Newest first: each row with what distinguishes it from the next one; None for the last."""
    pairs = zip(rows, [*rows[1:], None], strict=False)
    return [(row, difference(older, row) if older else None) for row, older in pairs]
