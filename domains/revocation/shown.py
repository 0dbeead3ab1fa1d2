"""What is known about the revocation of a domain's served certificate, in words."""

from dataclasses import dataclass
from datetime import datetime

from config.lib.errors import Wording, describe
from domains.models import Domain, RevocationWatch


@dataclass(frozen=True)
class RevocationShown:
    """`state` is revoked, clear, waiting (no list has answered yet) or unwatched; `trouble` why there is no list."""

    state: str = "unwatched"
    revoked_at: datetime | None = None
    checked_at: datetime | None = None
    url: str = ""
    trouble: Wording | None = None


def revocation_shown(domain: Domain) -> RevocationShown:
    """One query. For a domain loaded with its visit's inspection."""
    inspection = domain.visit.inspection
    if inspection is None:
        return RevocationShown()
    watches = RevocationWatch.unscoped.filter(domain=domain, fingerprint_sha256=inspection.fingerprint_sha256)
    watch = watches.select_related("source").defer("source__issuer_der").first()
    if watch is None:
        return RevocationShown()
    source = watch.source
    state = "revoked" if watch.revoked_at else "clear" if watch.checked_at else "waiting"
    trouble = describe(source.error_code, source.error_params) if source.error_code else None
    return RevocationShown(state, watch.revoked_at, watch.checked_at, source.url, trouble)
