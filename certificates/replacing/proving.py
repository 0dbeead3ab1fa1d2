"""Whether a successor took the place of an old certificate: what our servers and our own looks say, nobody's word."""

from collections.abc import Sequence
from dataclasses import dataclass

from certificates.models import Certificate
from certificates.serving import places_of
from domains.models import Visit


@dataclass(frozen=True)
class Proof:
    """`words` say what is still missing."""

    is_served: bool
    words: str = ""


def proof_of(old: Certificate, new: Certificate) -> Proof:
    """A constant number of queries."""
    left = [place.label for place in places_of(old)]
    if left:
        return Proof(False, f"The old one is still on {_few(left)}.")
    still = [visit.domain.label for visit in _seen(old)]
    if still:
        return Proof(False, f"Our last look met the old one at {_few(still)}.")
    places = places_of(new)
    behind = [place.label for place in places if place.state != "serving"]
    if behind:
        return Proof(False, f"Not seen being served yet on {_few(behind)}.")
    if not places and not _seen(new):
        return Proof(False, "Nobody was seen serving the new one: install it, by Deploy now, a pull or the ZIP.")
    return Proof(True)


def _seen(certificate: Certificate) -> Sequence[Visit]:
    """The domains at which our own last look has met it."""
    rows = Visit.objects.for_workspace(certificate.workspace_id).select_related("domain")
    return list(rows.filter(inspection__fingerprint_sha256=certificate.fingerprint_sha256)[:4])


def _few(labels: Sequence[str]) -> str:
    return ", ".join(labels[:3]) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")
