"""A certificate as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509 as pyca
from cryptography.hazmat.primitives.serialization import Encoding
from django.db.models import QuerySet

from certificates.cas.known import ca_label
from certificates.keys import KEY_TYPES
from certificates.models import Certificate, Revocation
from certificates.serving import Place, places_of
from config.lib import clock, x509
from config.lib.errors import Wording, describe
from domains.models import Visit

VERSIONS_SHOWN = 20


@dataclass(frozen=True)
class Shown:
    certificate: Certificate
    state: str
    origin: str
    key: str
    signature: str
    links: Sequence[dict[str, Any]]
    places: Sequence[Place]
    seen: Sequence[Visit]
    versions: Sequence[Certificate]
    warnings: Sequence[Wording]
    revocation: Revocation | None
    trouble: Wording | None


def show(certificate: Certificate) -> Shown:
    """Everything on the page; a constant number of queries. For a row loaded with its domain and its revocation."""
    ders = ders_of(certificate)
    facts = [x509.certificate_facts(der) for der in ders]
    revocation = getattr(certificate, "revocation", None)
    trouble = revocation and revocation.error_code
    return Shown(
        certificate=certificate,
        state=state_of(certificate),
        origin=origin_of(certificate),
        key=facts[0].key if facts else KEY_TYPES.get(certificate.key_type, ""),
        signature=facts[0].signature if facts else "",
        links=[_link(one) for one in facts],
        places=places_of(certificate),
        seen=list(_seen_at(certificate)),
        versions=versions_of(certificate),
        warnings=[describe(one["code"], one["params"]) for one in certificate.warnings],
        revocation=revocation,
        trouble=describe(revocation.error_code, revocation.error_params) if revocation and trouble else None,
    )


def ders_of(certificate: Certificate) -> list[bytes]:
    """The leaf and its chain; nothing when they cannot be read."""
    try:
        found = pyca.load_pem_x509_certificates((certificate.leaf_pem + certificate.chain_pem).encode())
    except ValueError:
        return []
    return [one.public_bytes(Encoding.DER) for one in found]


def state_of(certificate: Certificate) -> str:
    """A key of config.lib.states."""
    if certificate.revoked_at:
        return "revoked"
    return "expired" if certificate.not_after < clock.now() else "valid"


def origin_of(certificate: Certificate) -> str:
    who = f" by {certificate.requested_by}" if certificate.requested_by else ""
    if certificate.source == Certificate.Source.UPLOAD:
        return f"Uploaded{who}"
    profile = f", profile {certificate.profile}" if certificate.profile else ""
    return f"Asked for{who}, issued by {ca_label(certificate.directory_url)}{profile}"


def versions_of(certificate: Certificate) -> list[Certificate]:
    """What the domain had before and after, this one among them; the newest first."""
    rows = Certificate.objects.for_workspace(certificate.workspace_id).filter(domain=certificate.domain_id)
    return list(rows.order_by("-created_at", "-id")[:VERSIONS_SHOWN])


def _seen_at(certificate: Certificate) -> QuerySet[Visit]:
    """The domains at which our own last look has met it."""
    rows = Visit.objects.for_workspace(certificate.workspace_id).select_related("domain")
    return rows.filter(inspection__fingerprint_sha256=certificate.fingerprint_sha256).order_by("domain__host")[:20]


def _link(facts: x509.CertificateFacts) -> dict[str, Any]:
    until = f"until {facts.not_after:%Y-%m-%d}" if facts.not_after else ""
    name = facts.common_name or ", ".join(facts.sans[:2]) or facts.subject
    return {"name": name, "detail": ", ".join(filter(None, (facts.key, until))), "is_missing": False}
