"""What people say of a CA that they add, read and judged before anything is kept. Asks nobody."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from certificates.cas.known import Ca, ca_at, known_ca
from config.lib import egress, x509
from config.lib.errors import ExpectedError, InvalidValue
from config.lib.sealed import Sealed

ROOTS_AT_MOST = 20
BUNDLE_AT_MOST = 64 * 1024
URL_AT_MOST = 500
OTHER = "other"


@dataclass(frozen=True)
class Given:
    """`external_mac` is None where no credentials were given; `ca_bundle` is PEM, or empty for the public roots."""

    directory_url: str
    ca_bundle: str = ""
    external_key_id: str = ""
    external_mac: Sealed | None = None
    preferred_chain: str = ""


def read_given(
    *, ca: str, directory_url: str = "", ca_bundle: str = "", key_id: str = "", mac_key: str = "", chain: str = ""
) -> Given:
    """`ca` is the key of a known CA, or OTHER for the one at `directory_url`. Raises InvalidValue."""
    known = known_ca(ca)
    if known is None and ca != OTHER:
        raise InvalidValue("ca", "ca_kind_unknown", ca=ca[:64])
    url = known.directory_url if known else _directory(directory_url)
    _require_credentials(ca_at(url), key_id.strip(), mac_key.strip())
    ca_bundle = "" if known else ca_bundle
    return read_changes(directory_url=url, ca_bundle=ca_bundle, key_id=key_id, mac_key=mac_key, chain=chain)


def read_changes(
    *,
    directory_url: str,
    ca_bundle: str = "",
    key_id: str = "",
    mac_key: str = "",
    chain: str = "",
) -> Given:
    """The same of a CA that is there already: credentials may stay away. Raises InvalidValue."""
    key_id, mac_key = key_id.strip(), mac_key.strip()
    mac = _mac(key_id, mac_key)
    if len(chain) > 200 or not chain.isprintable():
        raise InvalidValue("preferred_chain", "ca_chain_malformed")
    return Given(directory_url, _bundle(ca_bundle), key_id, mac, chain.strip())


def _require_credentials(ca: Ca, key_id: str, mac_key: str) -> None:
    if ca.credentials_at and not key_id:
        raise InvalidValue("key_id", "ca_credentials_missing", ca=ca.label, where=ca.credentials_at)
    if ca.credentials_at and not mac_key:
        raise InvalidValue("mac_key", "ca_credentials_missing", ca=ca.label, where=ca.credentials_at)


def _mac(key_id: str, mac_key: str) -> Sealed | None:
    if bool(key_id) != bool(mac_key):
        raise InvalidValue("mac_key" if key_id else "key_id", "ca_credentials_halved")
    if len(key_id) > 500 or not key_id.isprintable():
        raise InvalidValue("key_id", "ca_key_id_malformed")
    if not mac_key:
        return None
    # CAs hand it out in base64url; some consoles show the other alphabet, with padding.
    plain = mac_key.replace("+", "-").replace("/", "_").rstrip("=")
    try:
        octets = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if not 16 <= len(octets) <= 1024:
        raise InvalidValue("mac_key", "ca_mac_malformed")
    return Sealed.of(plain)


def _directory(text: str) -> str:
    """https only: what travels there proves who may have certificates. Raises InvalidValue."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        is_plain = parts.scheme == "https" and parts.hostname and not parts.username and not parts.fragment
        if not is_plain or len(text) > URL_AT_MOST or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError
        _ = parts.port
        egress.parse_host(parts.hostname or "")
    except (ValueError, ExpectedError) as error:
        raise InvalidValue("directory_url", "ca_directory_malformed") from error
    return text


def _bundle(text: str) -> str:
    """The roots alone, in PEM, whatever stood around them."""
    if not text.strip():
        return ""
    if len(text) > BUNDLE_AT_MOST:
        raise InvalidValue("ca_bundle", "certificates_too_many", count="more", most=ROOTS_AT_MOST)
    try:
        pasted = x509.pasted_certificates(text.encode(), at_most=ROOTS_AT_MOST)
    except ExpectedError as error:
        raise InvalidValue("ca_bundle", error.code, **error.params) from error
    for one in pasted:
        if not one.facts.is_ca:
            name = one.facts.common_name or one.facts.subject or one.facts.fingerprint_sha256[:16]
            raise InvalidValue("ca_bundle", "root_is_no_authority", name=name)
    return "".join(_pem(one.der) for one in pasted)


def _pem(der: bytes) -> str:
    return load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
