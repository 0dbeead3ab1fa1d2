"""Withdrawing certificates at their CA: asked for by a person, done by a worker, as often as it takes."""

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from auditlog.events import Actor, record
from certificates.line import LEASE_SECONDS, connect_as
from certificates.models import AcmeAccount, Certificate, Revocation
from certificates.renewal.waking import wake
from config.lib import clock, errors, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Permanent

# About a day of the retry ladder.
MOST_ATTEMPTS = 30
# Of RFC 5280, section 5.3.1, those that a subscriber may name at a public CA (Baseline Requirements, 4.9.1.1).
REASONS: dict[str, tuple[int, str]] = {
    "unspecified": (0, "no particular reason"),
    "key_compromise": (1, "the private key may be known to others"),
    "affiliation_changed": (3, "the names or the organization changed"),
    "superseded": (4, "another certificate took its place"),
    "cessation_of_operation": (5, "the names are not used any more"),
}
_WORDS = dict(REASONS.values())


def reason_words(number: int | None) -> str:
    return _WORDS.get(number or 0, f"reason {number}")


def read_reason(text: str) -> int:
    """Raises NeedsUser revoke_reason_unknown."""
    if text not in REASONS:
        raise NeedsUser("revoke_reason_unknown", reason=text[:40], known=list(REASONS))
    return REASONS[text][0]


def revoke_certificate(*, certificate: Certificate, reason: int, actor: Actor) -> Revocation | None:
    """Ask for the revocation and ring for it; None when the certificate is revoked already. Repeatable.

    Raises NeedsUser revoke_at_your_ca for uploads, revoke_expired.
    """
    if certificate.revoked_at:
        return None
    if certificate.source != Certificate.Source.ACME:
        raise NeedsUser("revoke_at_your_ca", issuer=certificate.issuer)
    if certificate.not_after < clock.now():
        raise NeedsUser("revoke_expired", not_after=f"{certificate.not_after:%Y-%m-%d}")
    with transaction.atomic():
        revocation = _open(certificate, reason, actor)
        jobs.ring("certificate_revocation", interactive=True)
    return revocation


def _open(certificate: Certificate, reason: int, actor: Actor) -> Revocation:
    """The row, due now; one that has failed before starts over, one that is under way stays as it is."""
    revocation, is_new = Revocation.unscoped.select_for_update().get_or_create(
        certificate=certificate,
        defaults={
            "workspace_id": certificate.workspace_id,
            "reason": reason,
            "requested_by": actor.label,
            "run_after": clock.now(),
            "priority": jobs.INTERACTIVE,
        },
    )
    if not is_new and revocation.is_open:
        return revocation
    if not is_new:
        fresh = {"reason": reason, "requested_by": actor.label, "ended_at": None, "error_code": "", "error_params": {}}
        jobs.start_now(revocation, claims=0, **fresh)
    _record("certificate.revocation_asked", certificate, reason, actor)
    return revocation


def work_revocations(batch: Sequence[Revocation]) -> None:
    """Tell the CA. Repeatable after any crash: a CA that has revoked says so, and that is what was wanted."""
    for revocation in batch:
        certificate = revocation.certificate
        if revocation.attempts >= MOST_ATTEMPTS:
            last = errors.describe(revocation.error_code, revocation.error_params).title
            raise Permanent("acme_gave_up", attempts=revocation.attempts, last=last)
        _tell_ca(revocation, certificate)
        crash_here("revoke.told")
        revocation.finish(
            ended_at=clock.now(), error_code="", error_params={}, also=partial(_keep_revoked, revocation, certificate)
        )
        crash_here("revoke.stored")


def _tell_ca(revocation: Revocation, certificate: Certificate) -> None:
    rows = AcmeAccount.objects.for_workspace(certificate.workspace_id)
    account = rows.filter(directory_url=certificate.directory_url).first()
    if account is None:
        raise NeedsUser("revoke_no_account", issuer=certificate.issuer)
    revocation.renew_lease(LEASE_SECONDS)
    with connect_as(account) as ca:
        if not account.uri:
            ca.find_account()
            revocation.renew_lease(LEASE_SECONDS)
        ca.revoke(certificate.leaf_pem, revocation.reason)


def _keep_revoked(revocation: Revocation, certificate: Certificate) -> None:
    # What renews by itself is replaced at once; first, as whoever looks at renewals locks in this order.
    wake(certificate.domain_id)
    rows = Certificate.unscoped.filter(pk=certificate.pk)
    rows.update(revoked_at=clock.now(), revocation_reason=revocation.reason, renew_at=None)
    _record("certificate.revoked", certificate, revocation.reason)


def give_up(revocation: Revocation, error: ExpectedError) -> None:
    """End it with what was in the way; asking again starts over."""
    certificate = revocation.certificate
    revocation.finish(
        ended_at=clock.now(),
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=lambda: _record(
            "certificate.revocation_failed",
            certificate,
            revocation.reason,
            error=errors.describe(error.code, error.params).title,
        ),
    )


def _record(kind: str, certificate: Certificate, reason: int, actor: Actor | None = None, **more: str) -> None:
    record(
        kind,
        workspace_id=certificate.workspace_id,
        actor=actor,
        domain_id=certificate.domain_id,
        domain_label=certificate.domain.label,
        data={
            "certificate": str(certificate.pk),
            "names": ", ".join(certificate.names[:20]),
            "until": f"{certificate.not_after:%Y-%m-%d}",
            "reason": reason_words(reason),
            **more,
        },
    )
