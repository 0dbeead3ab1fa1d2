"""Replacements as tests begin them, look at them, and let our own looks meet what is served."""

import uuid

from auditlog.events import SYSTEM
from certificates.models import Certificate, ReplacedCertificate, Replacement
from certificates.replacing.choosing import Choice
from certificates.replacing.planning import start_replacement
from config.lib import clock, jobs
from domains.models import Domain, Inspection, Visit
from tests.cast import Cast

ALL = Choice("issued")


class Hands:
    """Proves everything; nothing is asked of it here."""

    label = "for tests"
    challenge = "dns-01"

    def covers(self, *_arguments: object) -> bool:
        return True

    def present(self, *_arguments: object) -> None: ...
    def look(self, *_arguments: object) -> None: ...
    def clean_up(self, *_arguments: object) -> None: ...


def begin(cast: Cast, choice: Choice = ALL, *, revokes: bool = False, reason: int = 1) -> Replacement:
    return start_replacement(workspace=cast.acme, choice=choice, reason=reason, revokes=revokes, actor=SYSTEM)


def look() -> None:
    """One look, whenever the next is due; no issuance is worked."""
    Replacement.unscoped.filter(ended_at=None).update(run_after=clock.now())
    jobs.work_once(jobs.kinds.get("certificate_replacement"))


def states() -> dict[uuid.UUID, str]:
    return dict(ReplacedCertificate.unscoped.values_list("certificate_id", "state"))


def serve(domain: Domain, certificate: Certificate) -> None:
    """Our own look meets it."""
    seen = Inspection.objects.create(
        workspace=domain.workspace,
        domain=domain,
        fingerprint_sha256=certificate.fingerprint_sha256,
        seen_at=clock.now(),
        chain_sha256=uuid.uuid4().hex,
    )
    Visit.unscoped.filter(domain=domain).update(inspection=seen)
