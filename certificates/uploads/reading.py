"""Certificates and keys out of whatever people paste or upload. Child process only: anybody may have written it."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs7,
    pkcs12,
)

from config.lib.errors import NeedsUser

CERTIFICATES_READ = 50
KEYS_READ = 5
MOST_RSA = 8192
# With so many bits a key takes some hundred letters more than this.
LARGE_KEY_LETTERS = 6000

_MARK = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
_HEADER = re.compile(r"^[\s>\"']*((?:Proc-Type|DEK-Info): ?[\w,-]+)", re.MULTILINE)
_CERTIFICATES = frozenset({"CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"})
_REQUESTS = frozenset({"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"})
_DER_SEQUENCE = b"\x30"
_BROKEN = (ValueError, TypeError, UnsupportedAlgorithm)


@dataclass
class Material:
    """What was found: certificates as DER in the order given, loaded keys, and what else there was."""

    ders: list[bytes] = field(default_factory=list)
    keys: list[PrivateKeyTypes] = field(default_factory=list)
    has_request: bool = False
    has_public_key: bool = False


def read_material(given: bytes, password: str) -> Material:
    """Everything of use in a text or in a PKCS#12 file.

    Raises NeedsUser: upload_nothing_found, upload_unreadable, upload_key_unreadable, upload_password_missing,
    upload_password_wrong, upload_pfx_unreadable, upload_too_many.
    """
    if given[:1] == _DER_SEQUENCE:
        return _read_binary(given, password)
    material = Material()
    blocks = list(_blocks(_text_of(given)))
    if not blocks:
        raise NeedsUser("upload_nothing_found")
    for label, body in blocks:
        _add_block(material, label, body, password)
    material.ders = list(dict.fromkeys(material.ders))
    return material


def _text_of(given: bytes) -> str:
    """Files of old Windows tools are UTF-16; what was copied out of JSON has its line ends written out."""
    is_wide = given[:2] in (b"\xff\xfe", b"\xfe\xff")
    return given.decode("utf-16" if is_wide else "utf-8", "replace").replace("\\r", "").replace("\\n", "\n")


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """(label, body) of each whole block; one pass, however many beginnings have no end."""
    label, start = "", 0
    for mark in _MARK.finditer(text):
        if mark[1] == "BEGIN":
            label, start = mark[2], mark.end()
        elif mark[2] == label:
            yield label, text[start : mark.start()]
            label = ""


def _add_block(material: Material, label: str, body: str, password: str) -> None:
    if label in _CERTIFICATES:
        material.ders.append(_decoded(body, len(material.ders) + 1))
    elif label in ("PKCS7", "CMS"):
        material.ders += _of_pkcs7(_decoded(body, len(material.ders) + 1))
    elif label.endswith("PRIVATE KEY"):
        material.keys.append(_read_key(label, body, password))
    material.has_request |= label in _REQUESTS
    material.has_public_key |= label.endswith("PUBLIC KEY")
    if len(material.ders) > CERTIFICATES_READ or len(material.keys) > KEYS_READ:
        raise NeedsUser("upload_too_many", most=CERTIFICATES_READ, keys=KEYS_READ)


def _decoded(body: str, position: int) -> bytes:
    try:
        return base64.b64decode(_NOT_BASE64.sub("", body), validate=True)
    except (binascii.Error, ValueError):
        raise NeedsUser("upload_unreadable", position=position) from None


def _of_pkcs7(der: bytes) -> list[bytes]:
    try:
        found = pkcs7.load_der_pkcs7_certificates(der)
    except _BROKEN:
        raise NeedsUser("upload_unreadable", position=1) from None
    return [one.public_bytes(Encoding.DER) for one in found[: CERTIFICATES_READ + 1]]


def _read_key(label: str, body: str, password: str) -> PrivateKeyTypes:
    pem = _rebuilt(label, body)
    is_encrypted = label == "ENCRYPTED PRIVATE KEY" or b"ENCRYPTED" in pem.split(b"\n\n")[0]
    if is_encrypted and not password:
        raise NeedsUser("upload_password_missing")
    try:
        return _loaded(pem, password.encode() if is_encrypted else None)
    except _BROKEN as error:
        # `from None`: the parser's message may quote bytes of the key.
        if is_encrypted and "password" in str(error).lower():
            raise NeedsUser("upload_password_wrong") from None
        raise NeedsUser("upload_key_unreadable") from None


def _loaded(pem: bytes, password: bytes | None) -> PrivateKeyTypes:
    """A key that is refused for its size is not checked: to see whether its primes are some takes longer than we wait.

    Raises what the library raises.
    """
    if len(pem) > LARGE_KEY_LETTERS:
        key = load_pem_private_key(pem, password, unsafe_skip_rsa_key_validation=True)
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size > MOST_RSA:
            return key
    return load_pem_private_key(pem, password)


def _rebuilt(label: str, body: str) -> bytes:
    """The block as its standard writes it, whatever stood around its lines."""
    headers = _HEADER.findall(body)
    coded = _NOT_BASE64.sub("", _HEADER.sub("", body))
    lines = [coded[at : at + 64] for at in range(0, len(coded), 64)]
    head = [*headers, ""] if headers else []
    return "\n".join([f"-----BEGIN {label}-----", *head, *lines, f"-----END {label}-----", ""]).encode()


def _read_binary(given: bytes, password: str) -> Material:
    """A PKCS#12 file; a lone certificate in DER is told from it, since it lacks its key."""
    try:
        x509.load_der_x509_certificate(given)
    except ValueError:
        return _read_pfx(given, password)
    return Material(ders=[given])


def _read_pfx(given: bytes, password: str) -> Material:
    key, leaf, others = _opened(given, password)
    certificates = [*([leaf] if leaf else ()), *others[: CERTIFICATES_READ + 1]]
    if len(certificates) > CERTIFICATES_READ:
        raise NeedsUser("upload_too_many", most=CERTIFICATES_READ, keys=KEYS_READ)
    ders = [one.public_bytes(Encoding.DER) for one in certificates]
    return Material(ders=list(dict.fromkeys(ders)), keys=[key] if key else [])


def _opened(
    given: bytes, password: str
) -> tuple[PrivateKeyTypes | None, x509.Certificate | None, list[x509.Certificate]]:
    # No password and an empty one are two different things to PKCS#12, and the same to people.
    for attempt in (password.encode(),) if password else (None, b""):
        try:
            return pkcs12.load_key_and_certificates(given, attempt)
        except _BROKEN as error:
            last = str(error).lower()
    if "password" not in last:
        raise NeedsUser("upload_pfx_unreadable")
    raise NeedsUser("upload_password_wrong" if password else "upload_password_missing")


def key_as_pem(key: PrivateKeyTypes) -> bytes:
    """PKCS#8, as servers read it, without a passphrase: what keeps it secret from here on is the portal's own key."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
