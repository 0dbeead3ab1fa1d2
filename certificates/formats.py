"""A certificate with its key in the formats that programs ask for. Pure; the result is as secret as the key."""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, load_pem_private_key, pkcs12
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES

from config.lib.errors import NeedsUser

LEAST_PASSWORD = 8
# OWASP's advice of 2023 for PBKDF2-HMAC-SHA256, about a fifth of a second at each import. The library leaves the
# rounds of the MAC at 2048, so that a short password is found through that one.
MODERN_ROUNDS = 600_000
# What Windows itself writes into such files; more would not help SHA-1 and 3DES.
LEGACY_ROUNDS = 2048


@dataclass(frozen=True)
class Parts:
    """PEM bytes; `chain` holds the intermediates in order and may be empty."""

    leaf: bytes
    chain: bytes
    key: bytes
    label: str


@dataclass(frozen=True)
class Format:
    """`make(parts, password)`; `password` is empty where the format has none."""

    label: str
    about: str
    suffix: str
    has_password: bool
    make: Callable[[Parts, str], bytes]


def as_modern_pfx(parts: Parts, password: str) -> bytes:
    """AES-256-CBC with PBKDF2-HMAC-SHA256, and a MAC with SHA-256: Windows 10 1709, Server 2019, Java 8u301, and on."""
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(MODERN_ROUNDS)
        .key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password.encode())
    )
    return _as_pfx(parts, encryption)


def as_legacy_pfx(parts: Parts, password: str) -> bytes:
    """3DES with SHA-1, which Windows Server 2016 and older, and old Java, are able to open."""
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(LEGACY_ROUNDS)
        .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303  (the only one that they know)
        .build(password.encode())
    )
    return _as_pfx(parts, encryption)


def _as_pfx(parts: Parts, encryption: object) -> bytes:
    key = load_pem_private_key(parts.key, None)
    chain = x509.load_pem_x509_certificates(parts.chain) if parts.chain.strip() else None
    return pkcs12.serialize_key_and_certificates(
        parts.label.encode(),
        key,  # type: ignore[arg-type]  # whatever serves TLS fits; the others raise TypeError
        x509.load_pem_x509_certificate(parts.leaf),
        chain,
        encryption,  # type: ignore[arg-type]  # the builder's own type is private
    )


def as_haproxy_pem(parts: Parts, password: str) -> bytes:
    """Certificate, chain and key in one file, in the order that HAProxy's manual names first."""
    return parts.leaf + parts.chain + parts.key


FORMATS: dict[str, Format] = {
    "pfx": Format(
        "PFX",
        "Windows Server 2019 and newer, IIS, Azure, Java; AES-256 and SHA-256",
        "pfx",
        True,
        as_modern_pfx,
    ),
    "pfx-legacy": Format(
        "PFX for old Windows",
        "Windows Server 2016 and older, and what cannot read the other; weak encryption (3DES, SHA-1)",
        "legacy.pfx",
        True,
        as_legacy_pfx,
    ),
    "haproxy": Format(
        "HAProxy PEM",
        "certificate, chain and key in one file, without a password",
        "pem",
        False,
        as_haproxy_pem,
    ),
}


def read_format(key: str, password: str) -> Format:
    """Raises NeedsUser export_format_unknown, export_password_short, export_password_letters."""
    if key not in FORMATS:
        raise NeedsUser("export_format_unknown", format=key[:40], known=list(FORMATS))
    chosen = FORMATS[key]
    if chosen.has_password and len(password) < LEAST_PASSWORD:
        raise NeedsUser("export_password_short", least=LEAST_PASSWORD)
    if key == "pfx-legacy" and not password.isascii():
        raise NeedsUser("export_password_letters")
    return chosen
