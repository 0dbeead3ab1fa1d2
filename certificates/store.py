"""Issued certificates become rows."""

from collections.abc import Sequence

from cryptography import x509 as pyca
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction
from django.db.models import Q, QuerySet

from auditlog.events import SYSTEM, Actor, record
from certificates.arrivals import tell_arrival
from certificates.models import Certificate, CertificateName, Issuance, PrivateKey, names_key
from certificates.renewal.waking import wake
from config.lib import x509
from config.lib.errors import Permanent
from domains import findings
from domains.models import Domain


def build_certificate(issuance: Issuance, pems: Sequence[str]) -> Certificate:
    """The unsaved row for what the CA handed out, leaf first, after its key was checked against it."""
    if issuance.private_key is None:
        raise Permanent("no_private_key")
    leaf = pyca.load_pem_x509_certificate(pems[0].encode()).public_bytes(Encoding.DER)
    x509.check_pair(leaf, issuance.private_key.sealed_pem.reveal())
    facts = x509.facts([leaf]).leaf
    if facts.not_before is None or facts.not_after is None:
        raise Permanent("certificate_unreadable")
    wished = [name for name in issuance.names if name in facts.sans]
    names = [*wished, *(name for name in facts.sans if name not in wished)]
    return Certificate(
        workspace_id=issuance.workspace_id,
        domain=issuance.domain,
        names=names,
        names_key=names_key(names),
        source=Certificate.Source.ACME,
        directory_url=issuance.directory_url,
        profile=issuance.profile,
        key_type=issuance.key_type,
        leaf_pem=pems[0],
        chain_pem="".join(pems[1:]),
        fingerprint_sha256=facts.fingerprint_sha256,
        serial=facts.serial,
        issuer=(facts.issuer_name or facts.issuer)[:255],
        not_before=facts.not_before,
        not_after=facts.not_after,
        private_key=issuance.private_key,
        requested_by=issuance.requested_by,
    )


def keep_certificate(issuance: Issuance, certificate: Certificate) -> None:
    """Insert the row, its names and its event; inside the transaction that ends the issuance."""
    # Before anything that locks the domain: who looks at renewals locks in this order too.
    wake(issuance.domain_id)
    certificate.save(force_insert=True)
    keep_names(certificate)
    findings.close_finding(domain=issuance.domain, source="issuance", code="issuance_failed")
    record(
        "certificate.issued",
        workspace_id=certificate.workspace_id,
        domain_id=issuance.domain_id,
        domain_label=issuance.domain.label,
        run_id=issuance.pk,
        data={
            "certificate": str(certificate.pk),
            "issuance": str(issuance.pk),
            "names": ", ".join(certificate.names),
            "issuer": certificate.issuer,
            "until": f"{certificate.not_after:%Y-%m-%d}",
            "not_before": certificate.not_before.isoformat(),
            "not_after": certificate.not_after.isoformat(),
            "fingerprint_sha256": certificate.fingerprint_sha256,
        },
    )
    tell_arrival(certificate, SYSTEM)


def keep_names(certificate: Certificate) -> None:
    """The rows by which a certificate is found under each of its names."""
    CertificateName.unscoped.bulk_create(
        CertificateName(workspace_id=certificate.workspace_id, certificate=certificate, name=name)
        for name in certificate.names
    )


def certificates_for(domain: Domain) -> QuerySet[Certificate]:
    """What is on file for a domain: what was issued or uploaded under it, and what holds its host, wherever it came."""
    _, _, parent = domain.host.partition(".")
    names = CertificateName.objects.for_workspace(domain.workspace_id).filter(name__in=[domain.host, f"*.{parent}"])
    rows = Certificate.objects.for_workspace(domain.workspace_id)
    return rows.filter(Q(domain=domain) | Q(pk__in=names.values("certificate")))


def destroy_unused_key(issuance: Issuance) -> None:
    """For an issuance that ends without a certificate; what the CA has issued keeps its key. Repeatable."""
    row = Issuance.unscoped.filter(pk=issuance.pk, certificate_url="", private_key__isnull=False)
    PrivateKey.unscoped.filter(pk__in=row.values("private_key")).delete()


def delete_certificate(*, certificate: Certificate, actor: Actor) -> None:
    """Delete the row and destroy its private key, unless another certificate lives on that key."""
    key, domain = certificate.private_key, certificate.domain
    with transaction.atomic():
        record(
            "certificate.deleted",
            workspace_id=certificate.workspace_id,
            actor=actor,
            domain_id=domain.pk,
            domain_label=domain.label,
            data={
                "names": ", ".join(certificate.names),
                "fingerprint_sha256": certificate.fingerprint_sha256,
                "until": f"{certificate.not_after:%Y-%m-%d}",
            },
        )
        certificate.delete()
        wake(domain.pk)
        if key and not Certificate.unscoped.filter(private_key=key).exists():
            key.delete()
