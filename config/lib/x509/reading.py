"""Plain facts out of DER certificates that anybody may have written."""

import contextlib
import dataclasses
import hashlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, SignatureAlgorithmOID

from config.lib.x509.text import clean

SANS_KEPT = 100

# Even a public root has such a serial. The day it raises instead of warning, HOSTILE catches it.
warnings.filterwarnings("ignore", "Parsed a serial number which wasn't positive", CryptographyDeprecationWarning)

# What `cryptography` raises over bytes that OpenSSL let through: each field is read by itself, so
# that one bad field costs that field and nothing else.
HOSTILE = (
    ValueError,  # also UnicodeDecodeError and InvalidVersion's base
    TypeError,
    OverflowError,
    KeyError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
)

_USAGES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "any",
}


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One certificate in words; what could not be read is empty and listed in `unreadable`.

    `serial` is hex, `fingerprint_sha256` lower-case hex, `sans` the first 100 of `san_count` names,
    `key` reads like 'ECDSA P-256' and `signature` like 'ecdsa-with-SHA256'.
    """

    fingerprint_sha256: str
    subject: str = ""
    common_name: str = ""
    issuer: str = ""
    issuer_name: str = ""
    issuer_common_name: str = ""
    serial: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    sans: tuple[str, ...] = ()
    san_count: int = 0
    key: str = ""
    key_bits: int = 0
    signature: str = ""
    is_ca: bool = False
    usages: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, times as RFC 3339 in UTC."""
        plain = dataclasses.asdict(self)
        for name in ("not_before", "not_after"):
            at: datetime | None = getattr(self, name)
            plain[name] = at.isoformat().replace("+00:00", "Z") if at else None
        for name in ("sans", "usages", "unreadable"):
            plain[name] = list(plain[name])
        return plain


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """The served certificate and what was served after it, in the order of serving."""

    leaf: CertificateFacts
    chain: tuple[CertificateFacts, ...]


def fingerprint(der: bytes) -> str:
    """Hex SHA-256 of the DER bytes, lower case."""
    return hashlib.sha256(der).hexdigest()


def facts(ders: Sequence[bytes]) -> ChainFacts:
    """Facts of a served list, leaf first and never empty. Raises nothing over hostile bytes."""
    return ChainFacts(certificate_facts(ders[0]), tuple(certificate_facts(der) for der in ders[1:]))


def parse(der: bytes) -> x509.Certificate | None:
    """The parsed certificate, or None when even its outer shape is not readable."""
    try:
        return x509.load_der_x509_certificate(der)
    except HOSTILE:
        return None


@lru_cache(maxsize=512)  # Intermediates repeat across thousands of hosts.
def certificate_facts(der: bytes) -> CertificateFacts:
    """Facts of one certificate. Raises nothing over hostile bytes."""
    certificate = parse(der)
    if certificate is None:
        return CertificateFacts(fingerprint(der), unreadable=("certificate",))
    unreadable: list[str] = []
    values: dict[str, Any] = {}
    for name, read in _READERS.items():
        try:
            values[name] = read(certificate)
        except HOSTILE:
            unreadable.append(name)
    names = dns_and_other_names(certificate)
    if names is None:
        unreadable.append("sans")
        names = []
    return CertificateFacts(
        fingerprint(der),
        sans=tuple(clean(name, 253) for name in names[:SANS_KEPT]),
        san_count=len(names),
        unreadable=tuple(unreadable),
        **values,
    )


def dns_names(certificate: x509.Certificate) -> list[str]:
    """Every DNS name of the subject alternative names; empty when there is none or it is unreadable."""
    with contextlib.suppress(*HOSTILE):
        return _san(certificate).get_values_for_type(x509.DNSName)
    return []


def dns_and_other_names(certificate: x509.Certificate) -> list[str] | None:
    """Every subject alternative name as text, others with their kind; None when unreadable."""
    try:
        return [_name_text(name) for name in _san(certificate)]
    except x509.ExtensionNotFound:
        return []
    except HOSTILE:
        return None


def has_sans(certificate: x509.Certificate) -> bool:
    """Whether the extension is there at all, readable or not."""
    try:
        return bool(list(_san(certificate)))
    except x509.ExtensionNotFound:
        return False
    except HOSTILE:
        return True


def usages(certificate: x509.Certificate) -> tuple[str, ...]:
    """Extended key usages by name, unknown ones as dotted numbers; () when the extension is absent."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(_USAGES.get(oid, oid.dotted_string) for oid in list(found)[:20])


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether the certificate says that it may sign others."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def key_strength(certificate: x509.Certificate) -> tuple[str, int]:
    """The key as ('RSA', 2048), ('ECDSA', 256), …; raises one of HOSTILE for keys nobody knows."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ECDSA", key.curve.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448", 448
    return type(key).__name__.removesuffix("PublicKey"), 0


def _san(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _name_text(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DNSName):
        return name.value
    if isinstance(name, x509.IPAddress):
        return f"IP {name.value}"
    if isinstance(name, x509.RFC822Name):
        return f"e-mail {name.value}"
    if isinstance(name, x509.UniformResourceIdentifier):
        return f"URI {name.value}"
    return f"other {type(name).__name__}"


def _key_text(certificate: x509.Certificate) -> str:
    kind, bits = key_strength(certificate)
    if kind == "ECDSA":
        key = certificate.public_key()
        curve = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else ""
        known = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
        return f"ECDSA {known.get(curve, curve)}"
    return f"{kind} {bits}" if kind in ("RSA", "DSA") else kind


def _signature_text(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    if oid == SignatureAlgorithmOID.RSASSA_PSS:
        # The one algorithm whose name says nothing of its hash, which may be SHA-1 here as well.
        used = certificate.signature_hash_algorithm
        return f"{oid._name} with {used.name if used else 'no hash'}"
    return oid.dotted_string if oid._name == "Unknown OID" else clean(oid._name)


def _first(name: x509.Name, *oids: x509.ObjectIdentifier) -> str:
    for oid in oids:
        for attribute in name.get_attributes_for_oid(oid):
            return clean(str(attribute.value))
    return ""


_READERS: dict[str, Callable[[x509.Certificate], Any]] = {
    "subject": lambda certificate: clean(certificate.subject.rfc4514_string()),
    "common_name": lambda certificate: _first(certificate.subject, NameOID.COMMON_NAME),
    "issuer": lambda certificate: clean(certificate.issuer.rfc4514_string()),
    "issuer_name": lambda certificate: _first(
        certificate.issuer, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME
    ),
    "issuer_common_name": lambda certificate: _first(certificate.issuer, NameOID.COMMON_NAME),
    "serial": lambda certificate: clean(f"{certificate.serial_number:x}", 80),
    "not_before": lambda certificate: certificate.not_valid_before_utc,
    "not_after": lambda certificate: certificate.not_valid_after_utc,
    "key": _key_text,
    "key_bits": lambda certificate: key_strength(certificate)[1],
    "signature": _signature_text,
    "is_ca": is_ca,
    "usages": usages,
}
