"""Whether what was uploaded is a certificate that the domain can serve: pair, names, dates, strength, chain.

Pure but for the CPU that it costs, hence in the child process. Nothing is fetched.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509 as pyca
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID

from certificates.uploads.reading import MOST_RSA, Material, key_as_pem
from config.lib import x509
from config.lib.errors import NeedsUser
from config.lib.x509 import reading
from config.lib.x509.chain import CERTIFICATES_JUDGED, build
from config.lib.x509.reading import HOSTILE

NAMES_KEPT = 1000
# Servers send it at each connection, and clients refuse more.
CERTIFICATE_BYTES = 64 * 1024
LEAST_RSA = 2048
LEAST_CURVE = 256
_WEAK_HASH = re.compile(r"md[245]|sha-?1(?!\d)", re.IGNORECASE)
_SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_PEM_CURVES = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384"}

type Warning_ = dict[str, Any]


@dataclass(frozen=True)
class Checked:
    """A pair that can be stored; `warnings` are `{code, params}` of what is odd about it."""

    leaf: bytes
    chain: tuple[bytes, ...]
    key_pem: bytes
    key_type: str
    names: tuple[str, ...]
    warnings: tuple[Warning_, ...]


def check(material: Material, host: str, now: datetime, roots: x509.Roots) -> Checked:
    """Raises NeedsUser with the code of what is wrong, `upload_…`; the first of several."""
    certificates = _parsed(material.ders)
    _require_both(material)
    key, leaf_der, leaf = _pair(material.keys, certificates)
    _require_strength(key, leaf_der)
    names = _require_names(leaf, leaf_der, host)
    warnings = [*_date_warnings(leaf_der, now)]
    chain = _sorted_chain(leaf_der, certificates, now)
    warnings += _trust_warnings(leaf_der, chain, now, roots)
    return Checked(leaf_der, chain, key_as_pem(key), key_type_of(key), names, tuple(warnings))


def _parsed(ders: Sequence[bytes]) -> dict[bytes, pyca.Certificate]:
    found = {}
    for position, der in enumerate(ders, 1):
        if len(der) > CERTIFICATE_BYTES:
            raise NeedsUser("upload_too_large", most=CERTIFICATE_BYTES // 1024)
        certificate = reading.parse(der)
        if certificate is None or not _is_readable(certificate) or not x509.is_storable(der):
            raise NeedsUser("upload_unreadable", position=position)
        found[der] = certificate
    return found


def _is_readable(certificate: pyca.Certificate) -> bool:
    """Names and dates are parsed when they are looked at; from here on they can be."""
    try:
        looked_at = (certificate.subject, certificate.issuer)
        dates = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    except HOSTILE:
        return False
    return all(dates) and None not in looked_at


def _require_both(material: Material) -> None:
    if not material.ders:
        raise NeedsUser("upload_request_only" if material.has_request else "upload_certificate_missing")
    if not material.keys:
        raise NeedsUser("upload_public_key" if material.has_public_key else "upload_key_missing")


def _pair(
    keys: Sequence[PrivateKeyTypes], certificates: dict[bytes, pyca.Certificate]
) -> tuple[PrivateKeyTypes, bytes, pyca.Certificate]:
    """The certificate that one of the keys belongs to; of several the one that begins last."""
    by_spki = {key.public_key().public_bytes(*_SPKI): key for key in keys}
    fitting = [(der, one, by_spki[spki]) for der, one in certificates.items() if (spki := _spki(one)) in by_spki]
    if not fitting:
        first = next((der for der, one in certificates.items() if not _is_authority(one)), next(iter(certificates)))
        raise NeedsUser("upload_key_mismatch", name=_shown(first))
    der, leaf, key = max(fitting, key=lambda one: one[1].not_valid_before_utc)
    if _is_authority(leaf):
        raise NeedsUser("upload_authority", name=_shown(der))
    return key, der, leaf


def _spki(certificate: pyca.Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(*_SPKI)
    except HOSTILE:
        return b""


def _is_authority(certificate: pyca.Certificate) -> bool:
    """A self-signed certificate of old tools says that it is an authority and names its hosts: that one is a leaf."""
    try:
        is_own = certificate.issuer == certificate.subject and reading.has_sans(certificate)
        return reading.is_ca(certificate) and not is_own
    except HOSTILE:
        return False


def _shown(der: bytes) -> str:
    facts = x509.certificate_facts(der)
    return facts.common_name or ", ".join(facts.sans[:3]) or facts.subject or facts.fingerprint_sha256[:16]


def key_type_of(key: PrivateKeyTypes) -> str:
    """As certificates.keys calls it; empty for a kind that is never made here."""
    if isinstance(key, rsa.RSAPrivateKey):
        return f"rsa-{key.key_size}" if key.key_size in (2048, 3072, 4096) else ""
    return _PEM_CURVES.get(key.curve.name, "") if isinstance(key, ec.EllipticCurvePrivateKey) else ""


def _require_strength(key: PrivateKeyTypes, leaf: bytes) -> None:
    facts = x509.certificate_facts(leaf)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size > MOST_RSA:
        raise NeedsUser("upload_key_too_large", key=facts.key, most=MOST_RSA)
    is_weak = isinstance(key, rsa.RSAPrivateKey) and key.key_size < LEAST_RSA
    is_weak |= isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size < LEAST_CURVE
    if is_weak or isinstance(key, dsa.DSAPrivateKey):
        raise NeedsUser("upload_key_weak", key=facts.key)
    if _WEAK_HASH.search(facts.signature):
        raise NeedsUser("upload_signature_weak", signature=facts.signature)


def _require_names(leaf: pyca.Certificate, der: bytes, host: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(x509.clean(name.lower(), 255) for name in reading.dns_names(leaf)))
    if not names:
        raise NeedsUser("upload_no_names", name=_shown(der))
    if len(names) > NAMES_KEPT:
        raise NeedsUser("upload_too_many_names", count=len(names), most=NAMES_KEPT)
    if not any(x509.matches(name, host) for name in names):
        raise NeedsUser("upload_host", host=host, names=list(names[:5]), count=len(names))
    usages = x509.certificate_facts(der).usages
    if usages and not {"serverAuth", "any"} & set(usages):
        raise NeedsUser("upload_usage", usages=list(usages))
    return names


def _date_warnings(leaf: bytes, now: datetime) -> Iterator[Warning_]:
    facts = x509.certificate_facts(leaf)
    if facts.not_before is None or facts.not_after is None or facts.not_before >= facts.not_after:
        raise NeedsUser("upload_dates_unreadable")
    if facts.not_after < now:
        raise NeedsUser("upload_expired", not_after=_moment(facts.not_after))
    if facts.not_before > now:
        yield _warning("upload_not_yet_valid", not_before=_moment(facts.not_before))


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _warning(code: str, **params: Any) -> Warning_:
    return {"code": code, "params": params}


def _sorted_chain(leaf: bytes, certificates: dict[bytes, pyca.Certificate], now: datetime) -> tuple[bytes, ...]:
    """The issuers from the leaf up, whatever order they came in; a root is left to clients, strangers are left out."""
    way = [leaf]
    while len(way) < CERTIFICATES_JUDGED:
        issuers = _issuers(certificates[way[-1]], certificates, way)
        if not issuers:
            break
        proven = [der for der in issuers if _vouches(certificates[der], certificates[way[-1]])]
        if not proven:
            raise NeedsUser("upload_chain_invalid", name=_shown(issuers[0]), below=_shown(way[-1]))
        way.append(max(proven, key=lambda der: _preference(certificates[der], now)))
    chain = tuple(der for der in way[1:] if not _signs_itself(certificates[der]))
    for der in chain:
        _require_in_date(der, now)
    return chain


def _issuers(child: pyca.Certificate, certificates: dict[bytes, pyca.Certificate], way: Sequence[bytes]) -> list[bytes]:
    if _signs_itself(child):
        return []
    return [der for der, one in certificates.items() if der not in way and one.subject == child.issuer]


def _signs_itself(certificate: pyca.Certificate) -> bool:
    return certificate.issuer == certificate.subject


def _vouches(issuer: pyca.Certificate, child: pyca.Certificate) -> bool:
    public = issuer.public_key() if _spki(issuer) else None
    if isinstance(public, rsa.RSAPublicKey) and public.key_size > MOST_RSA:
        return False
    try:
        if not (reading.is_ca(issuer) or _signs_itself(issuer)):  # roots of the nineties do not say what they are
            return False
        child.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001  (InvalidSignature and whatever a stranger's certificate provokes)
        return False
    return True


def _preference(certificate: pyca.Certificate, now: datetime) -> tuple[bool, bool, datetime]:
    """Of two certificates of one authority: in date, one that leads further up rather than a root, the newest."""
    is_valid = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    return is_valid, not _signs_itself(certificate), certificate.not_valid_after_utc


def _require_in_date(der: bytes, now: datetime) -> None:
    facts = x509.certificate_facts(der)
    if facts.not_after is None or facts.not_after < now:
        until = _moment(facts.not_after) if facts.not_after else "…"
        raise NeedsUser("upload_chain_expired", name=_shown(der), not_after=until)


def _trust_warnings(leaf: bytes, chain: Sequence[bytes], now: datetime, roots: x509.Roots) -> list[Warning_]:
    """No way to a trusted root is a warning, since private authorities have none; a gap in a public chain is not."""
    built = build([leaf, *chain], roots, now)
    if built.trusted:
        return []
    top = chain[-1] if chain else leaf
    if built.reason == "chain_invalid":
        raise NeedsUser("upload_chain_refused", detail=built.detail or "no reason given")
    if built.reason == "self_signed":
        return [_warning("upload_self_signed")]
    issuer = x509.certificate_facts(top).issuer_common_name or x509.certificate_facts(top).issuer
    address = _address_of_issuer(top)
    if address or x509.certificate_facts(top).issuer_name in roots.issuer_names:
        raise NeedsUser("upload_intermediate_missing", issuer=issuer, below=_shown(top), address=address or "not given")
    return [_warning("upload_untrusted", issuer=issuer)]


def _address_of_issuer(der: bytes) -> str:
    """Where the certificate says that its issuer's is to be had; told to people, never asked."""
    try:
        certificate = pyca.load_der_x509_certificate(der)
        access = certificate.extensions.get_extension_for_class(pyca.AuthorityInformationAccess).value
        for one in access:
            is_issuers = one.access_method == AuthorityInformationAccessOID.CA_ISSUERS
            if is_issuers and isinstance(one.access_location, pyca.UniformResourceIdentifier):
                return x509.clean(one.access_location.value, 200)
    except HOSTILE:
        pass
    return ""
