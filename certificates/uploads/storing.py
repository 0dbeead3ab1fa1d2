"""An upload that was read becomes a stored certificate: a new version beside the old ones."""

from django.db import transaction

from auditlog.events import Actor, record
from certificates.arrivals import tell_arrival
from certificates.models import Certificate, PrivateKey, names_key
from certificates.store import keep_names
from certificates.uploads.sandbox import Read, Upload, read_upload
from config.lib import clock
from domains.models import Domain, WorkspaceRoot

NAMES_TOLD = 20


def store_upload(*, domain: Domain, upload: Upload, actor: Actor) -> tuple[Certificate, bool]:
    """Store an upload and let its deployment begin; (row, whether it is new). Blocks while it is read.

    The same certificate again is the same row, and is deployed again. Raises NeedsUser with what is wrong, and then
    nothing was stored; Transient upload_busy.
    """
    own = WorkspaceRoot.objects.for_workspace(domain.workspace_id).values_list("der", flat=True)
    read = read_upload(upload, host=domain.host, now=clock.now(), roots=[bytes(der) for der in own])
    with transaction.atomic():
        # Two uploads of one file at once: the second waits here, and finds the first one's row.
        Domain.unscoped.select_for_update(no_key=True).get(pk=domain.pk)
        rows = Certificate.objects.for_workspace(domain.workspace_id).select_related("domain")
        known = rows.filter(domain=domain, fingerprint_sha256=read.facts["fingerprint_sha256"]).first()
        certificate = known or _insert(domain, read, actor)
        if known and known.private_key_id is None:
            known.private_key = _keep_key(domain, read)
            known.save(update_fields=["private_key"])
        _record(certificate, actor)
        tell_arrival(certificate, actor)
    return certificate, known is None


def _insert(domain: Domain, read: Read, actor: Actor) -> Certificate:
    facts = read.facts
    certificate = Certificate.objects.create(
        workspace_id=domain.workspace_id,
        domain=domain,
        names=list(read.names),
        names_key=names_key(read.names),
        source=Certificate.Source.UPLOAD,
        key_type=read.key_type,
        private_key=_keep_key(domain, read),
        requested_by=actor.label,
        warnings=read.warnings,
        leaf_pem=facts["leaf_pem"],
        chain_pem=facts["chain_pem"],
        fingerprint_sha256=facts["fingerprint_sha256"],
        serial=facts["serial"],
        issuer=facts["issuer"],
        not_before=facts["not_before"],
        not_after=facts["not_after"],
    )
    keep_names(certificate)
    return certificate


def _keep_key(domain: Domain, read: Read) -> PrivateKey:
    return PrivateKey.objects.create(
        workspace_id=domain.workspace_id, domain=domain, sealed_pem=read.key, key_type=read.key_type
    )


def _record(certificate: Certificate, actor: Actor) -> None:
    more = len(certificate.names) - NAMES_TOLD
    names = ", ".join(certificate.names[:NAMES_TOLD]) + (f" and {more} more" if more > 0 else "")
    record(
        "certificate.uploaded",
        workspace_id=certificate.workspace_id,
        actor=actor,
        domain_id=certificate.domain_id,
        domain_label=certificate.domain.label,
        data={
            "certificate": str(certificate.pk),
            "names": names,
            "issuer": certificate.issuer,
            "until": f"{certificate.not_after:%Y-%m-%d}",
            "fingerprint_sha256": certificate.fingerprint_sha256,
            "warnings": [one["code"] for one in certificate.warnings],
        },
    )
