"""Whether a successor took the place of an old certificate: what our servers and our own looks say, nobody's word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

from certificates.models import Certificate, PullToken
from certificates.serving import places_of, reporters, serving_targets
from config.lib import clock
from domains.history import others_now
from domains.models import Visit

# Of so many domains the words name some.
MET_TOLD = 4


@dataclass(frozen=True)
class Proof:
    """`words` say what is still missing."""

    is_served: bool
    words: str = ""


def proof_of(old: Certificate, new: Certificate) -> Proof:
    """A constant number of queries."""
    words = _still_there(old) or _not_there_yet(new)
    return Proof(not words, words)


def _still_there(old: Certificate) -> str:
    if left := [place.label for place in places_of(old)]:
        return f"The old one is still on {_few(left)}."
    if still := _seen(old):
        return f"Our last look met the old one at {_few(still)}."
    if turns := _seen_in_turn(old):
        return f"Within the last day our looks met the old one in turn with another at {_few(turns)}."
    pulled = PullToken.objects.for_workspace(old.workspace_id).filter(last_certificate=old).order_by("name", "pk")
    if names := list(pulled.values_list("name", flat=True)):
        return f"What pulls by {_few(names)} has the old one: let it pull again, or revoke that token."
    return ""


def _not_there_yet(new: Certificate) -> str:
    # Lists of places are cut for pages; among five hundred the last one counts too.
    installed = sum(getattr(new, reporter.prefetch).count() for reporter in reporters)
    behind = installed - len(serving_targets(new))
    if behind:
        labels = [place.label for place in places_of(new) if place.state != "serving"]
        return f"Not seen being served yet on {_few(labels) or f'{behind} of {installed} places'}."
    if not installed and not _seen(new):
        return "Nobody was seen serving the new one: install it, by Deploy now, a pull or the ZIP."
    return ""


def _seen(certificate: Certificate) -> Sequence[str]:
    """The domains at which our own last look has met it."""
    rows = Visit.objects.for_workspace(certificate.workspace_id).select_related("domain")
    met = rows.filter(inspection__fingerprint_sha256=certificate.fingerprint_sha256)
    return [visit.domain.label for visit in met[:MET_TOLD]]


def _seen_in_turn(certificate: Certificate) -> Sequence[str]:
    """Where another server of the name has it still, whose turn it was not at our last look."""
    rows = Visit.objects.for_workspace(certificate.workspace_id).select_related("domain")
    named = rows.annotate(text=Cast("others", TextField())).filter(text__contains=certificate.fingerprint_sha256)
    now = clock.now()
    return [visit.domain.label for visit in named if _is_among(certificate, others_now(visit, now))]


def _is_among(certificate: Certificate, others: Mapping[str, Any]) -> bool:
    return any(one["fingerprint_sha256"] == certificate.fingerprint_sha256 for one in others.values())


def _few(labels: Sequence[str]) -> str:
    return ", ".join(labels[:3]) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")
