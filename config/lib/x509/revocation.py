"""Lists of revoked certificates (RFC 5280, section 5): where a certificate's is, and what one says.

A list comes over plain HTTP from an address that the certificate names, so nothing of it counts before
the issuer's signature was checked. OCSP is not asked: Let's Encrypt ended it in August 2025, and it
would tell the authority which host is being looked at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from config.lib.errors import Permanent
from config.lib.x509.chain import build
from config.lib.x509.reading import HOSTILE, parse
from config.lib.x509.roots import Roots

URL_AT_MOST = 500
# RFC 5280 allows 20 bytes; one number that no list can hold must not spoil the list for others.
SERIAL_BITS = 168
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.ISSUING_DISTRIBUTION_POINT,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.CRL_NUMBER,
    }
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a certificate's list is, and who signs it; `serial` is lower-case hex."""

    url: str
    serial: str
    issuer_der: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Revoked:
    """`reason` as RFC 5280 names it, empty when the list gives none."""

    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list whose signature was checked."""

    this_update: datetime
    next_update: datetime
    count: int
    revoked: dict[str, Revoked]


def revocation_source(ders: Sequence[bytes], roots: Roots, now: datetime) -> Source | None:
    """Where the leaf's list is; None without a trusted chain, or where the leaf names no list over HTTP."""
    leaf = parse(ders[0])
    url = _list_url(leaf) if leaf else ""
    if not leaf or not url:
        return None
    built = build(ders, roots, now)
    if not built.trusted or len(built.path) < 2:
        return None
    try:
        serial = leaf.serial_number
    except HOSTILE:
        return None
    return Source(url, f"{serial:x}", built.path[1]) if 0 < serial < 1 << SERIAL_BITS else None


def _list_url(certificate: x509.Certificate) -> str:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        # Indirect lists, and lists for some reasons only, are rare and not judged.
        plain = [point for point in points if not point.crl_issuer and not point.reasons]
        names = [name.value for point in plain for name in point.full_name or () if _is_uri(name)]
    except HOSTILE:
        return ""
    return next((url for url in names if url.startswith("http://") and len(url) <= URL_AT_MOST and "\0" not in url), "")


def _is_uri(name: x509.GeneralName) -> bool:
    return isinstance(name, x509.UniformResourceIdentifier)


def read_revocation_list(
    der: bytes, *, issuer_der: bytes, url: str, serials: Iterable[str], now: datetime
) -> RevocationList:
    """What the list says about `serials`, after its signature and its dates were checked. Pure.

    Raises Permanent: crl_unreadable, crl_forged, crl_not_for_us, crl_stale (with `next_update`).
    """
    try:
        return _read(der, issuer_der, url, serials, now)
    except HOSTILE:
        raise Permanent("crl_unreadable", url=url) from None


def _read(der: bytes, issuer_der: bytes, url: str, serials: Iterable[str], now: datetime) -> RevocationList:
    crl = x509.load_der_x509_crl(der)
    if not _is_signed_by(crl, x509.load_der_x509_certificate(issuer_der)):
        raise Permanent("crl_forged", url=url)
    if not _is_for(crl, url):
        raise Permanent("crl_not_for_us", url=url)
    if crl.next_update_utc is None or not crl.last_update_utc <= now < crl.next_update_utc:
        raise Permanent(
            "crl_stale", url=url, next_update=f"{crl.next_update_utc:%Y-%m-%d %H:%M} UTC" if crl.next_update_utc else ""
        )
    return RevocationList(crl.last_update_utc, crl.next_update_utc, len(crl), _found(crl, serials))


def _found(crl: x509.CertificateRevocationList, serials: Iterable[str]) -> dict[str, Revoked]:
    """One walk for all of them: the library's look-up walks too, 16 ms each in the largest lists we read."""
    wanted = {int(serial, 16): serial for serial in serials}
    return {wanted[one.serial_number]: _entry(one) for one in crl if one.serial_number in wanted}


def _is_signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    if crl.issuer != issuer.subject or not _may_sign_lists(issuer):
        return False
    try:
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except InvalidSignature:
        return False


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _is_for(crl: x509.CertificateRevocationList, url: str) -> bool:
    """Whether the list speaks for end certificates that name `url`: a signed part of another list does not (6.3.3)."""
    if any(extension.critical and extension.oid not in _UNDERSTOOD for extension in crl.extensions):
        return False
    try:
        scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return True
    if scope.only_contains_ca_certs or scope.only_contains_attribute_certs or scope.indirect_crl:
        return False
    if scope.only_some_reasons or scope.relative_name:
        return False
    return not scope.full_name or url in [name.value for name in scope.full_name if _is_uri(name)]


def _entry(entry: x509.RevokedCertificate) -> Revoked:
    try:
        reason = entry.extensions.get_extension_for_oid(CRLEntryExtensionOID.CRL_REASON).value
    except HOSTILE:
        return Revoked(entry.revocation_date_utc)
    told = reason.reason.value if isinstance(reason, x509.CRLReason) else ""
    return Revoked(entry.revocation_date_utc, told)
