"""Lists of revoked certificates, of authorities that tell the truth and of others."""

import datetime
from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.unit.domains.forge import NOW, Authority, days, key


def listed_leaf(url: str, signer: Authority, host: str, serial: int | None = None) -> bytes:
    """DER of a server certificate that names `url` as the place of its list."""
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(signer.name)
        .public_key(key("P-256 leaf").public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(NOW - days(10))
        .not_valid_after(NOW + days(80))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
        .sign(signer.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def revocation_list(
    signer: Authority,
    serials: Sequence[int] = (),
    *,
    name: x509.Name | None = None,
    updated: tuple[datetime.timedelta, datetime.timedelta] = (days(-1), days(6)),
    scope: Mapping[str, object] | None = None,
    reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
) -> bytes:
    """DER of a list signed by `signer`, `updated` days from NOW; `scope` are fields of its distribution point."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name or signer.name)
        .last_update(NOW + updated[0])
        .next_update(NOW + updated[1])
    )
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - days(2))
        if reason:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    if scope is not None:
        given = {**_NO_SCOPE, **scope}
        builder = builder.add_extension(x509.IssuingDistributionPoint(**given), critical=True)  # type: ignore[arg-type]
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


_NO_SCOPE = {
    "full_name": None,
    "relative_name": None,
    "only_contains_user_certs": False,
    "only_contains_ca_certs": False,
    "only_some_reasons": None,
    "indirect_crl": False,
    "only_contains_attribute_certs": False,
}
