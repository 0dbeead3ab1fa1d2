"""What people and the portal hand to a panel, read once and before anything is sent."""

import re
from collections.abc import Mapping
from datetime import UTC

from cryptography import x509 as crypto
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from config.lib import egress, x509
from config.lib.errors import InvalidValue, NeedsUser
from config.lib.x509.reading import dns_names
from deploy.panels.panel import Access, Bundle, Panel

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_LONGEST_VALUE = 512


def read_access(
    panel: Panel,
    values: Mapping[str, str],
    *,
    secret: str,
    pinned: str = "",
    refs: Mapping[str, str] | None = None,
) -> Access:
    """The access from the fields of the panel's form. Raises InvalidValue beside the field that cannot work."""
    for field in panel.fields:
        given = secret if field.name == panel.secret_field else values.get(field.name, "") or field.default
        if field.is_required and not given:
            raise InvalidValue(field.name, "panel_value_missing", field=field.label)
        if len(given) > _LONGEST_VALUE or not given.isprintable():
            raise InvalidValue(field.name, "panel_value_malformed", field=field.label)
    return Access(
        panel=panel.label,
        host=panel.host or _host(values["host"]),
        port=panel.port if panel.host else _port(values.get("port", "") or str(panel.port)),
        user=values.get("username", ""),
        secret=secret,
        pinned=read_fingerprint(pinned) if pinned else "",
        refs=refs or {},
    )


def _host(text: str) -> str:
    try:
        return egress.parse_host(text.strip())
    except NeedsUser as error:
        raise InvalidValue("host", error.code, **error.params) from None


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) < 65536:
        raise InvalidValue("port", "panel_port_malformed", port=text[:20])
    return int(text)


def read_fingerprint(text: str) -> str:
    """Lower-case hex of a SHA-256, with or without colons. Raises InvalidValue for `fingerprint_sha256`."""
    found = text.lower().replace(":", "").replace(" ", "").removeprefix("sha256")
    if not _FINGERPRINT.fullmatch(found):
        raise InvalidValue("fingerprint_sha256", "panel_fingerprint_malformed")
    return found


def read_bundle(leaf_pem: bytes, chain_pem: bytes, key_pem: bytes, *, label: str) -> Bundle:
    """The parts as all panels take them: the leaf, the intermediates without a root, the key as PKCS#8.

    Raises NeedsUser: what `x509.check_pair` raises, panel_key_kind and panel_no_names.
    """
    leaf = crypto.load_pem_x509_certificate(leaf_pem)
    x509.check_pair(leaf.public_bytes(Encoding.DER), key_pem)
    if not isinstance(leaf.public_key(), (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        raise NeedsUser("panel_key_kind")
    names = tuple(dns_names(leaf))
    if not names:
        raise NeedsUser("panel_no_names")
    chain = crypto.load_pem_x509_certificates(chain_pem) if chain_pem.strip() else []
    return Bundle(
        label=label,
        names=names,
        leaf=_pem(leaf),
        chain="".join(_pem(one) for one in chain if one.issuer != one.subject),
        key=_pkcs8(key_pem),
        fingerprint=x509.fingerprint(leaf.public_bytes(Encoding.DER)),
        not_after=leaf.not_valid_after_utc.astimezone(UTC),
        signed="ecdsa" if isinstance(leaf.signature_algorithm_parameters, ec.ECDSA) else "rsa",
    )


def _pem(certificate: crypto.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _pkcs8(key_pem: bytes) -> str:
    """OpenSSL's own form carries a block of curve parameters, which Cloudflare does not take."""
    key = load_pem_private_key(key_pem, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
