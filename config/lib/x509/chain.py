"""From a served list of certificates to a trusted root, or to the reason why there is no way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from OpenSSL import crypto

from config.lib.x509.reading import HOSTILE, certificate_facts, parse
from config.lib.x509.roots import Roots

# A longer list is either a mistake or an attempt to make us verify signatures all day.
CERTIFICATES_JUDGED = 10

# Numbers of openssl/x509_vfy.h.
_SELF_SIGNED_LEAF = 18
_SELF_SIGNED_IN_CHAIN = 19
_ISSUER_UNKNOWN = {2, 20, 21, 27}


@dataclass(frozen=True, slots=True)
class Built:
    """`path` leads from the leaf up, with the root as its last when `trusted`; else as far as names link.

    `reason` is empty or one of self_signed, missing_intermediate, untrusted_chain, chain_invalid;
    `linked` are the positions of the served certificates that belong to the leaf's chain.
    """

    trusted: bool
    path: tuple[bytes, ...]
    linked: tuple[int, ...]
    reason: str = ""
    detail: str = ""


def build(ders: Sequence[bytes], roots: Roots, now: datetime) -> Built:
    """Verify the served list against `roots`; dates decide only which way is tried first.

    Raises nothing over hostile certificates. CPU only: nothing is ever fetched (AIA, CRL, OCSP).
    """
    served = list(ders[:CERTIFICATES_JUDGED])
    linked = _linked_by_name(served)
    try:
        leaf, *others = [crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in served]
    except crypto.Error:
        return Built(False, tuple(served[:1]), linked, "chain_invalid", "a certificate could not be read")
    in_date = [one for one, der in zip(others, served[1:], strict=True) if _is_in_date(der, now)]
    failure: crypto.X509StoreContextError | None = None
    for intermediates in [in_date] if len(in_date) == len(others) else [in_date, others]:
        try:
            path = crypto.X509StoreContext(roots.store, leaf, intermediates).get_verified_chain()
        except crypto.X509StoreContextError as error:
            failure = error
        else:
            return Built(True, tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in path), linked)
    way = tuple(served[position] for position in linked)
    return Built(False, way, linked, *_reason(failure, way, roots))


def _reason(failure: crypto.X509StoreContextError | None, way: Sequence[bytes], roots: Roots) -> tuple[str, str]:
    number, _, message = failure.errors if failure else (0, 0, "")
    if number == _SELF_SIGNED_LEAF:
        return "self_signed", ""
    if number == _SELF_SIGNED_IN_CHAIN:
        return "untrusted_chain", ""
    if number not in _ISSUER_UNKNOWN:
        return "chain_invalid", str(message)
    # The way ends below an issuer that was not served. Nobody serves just the leaf on purpose, and a
    # public authority's own name above the last certificate means that its next one was left out.
    top = certificate_facts(way[-1])
    if len(way) == 1 or top.issuer_name in roots.issuer_names:
        return "missing_intermediate", top.issuer_common_name or top.issuer
    return "untrusted_chain", top.issuer_common_name or top.issuer


def _linked_by_name(served: Sequence[bytes]) -> tuple[int, ...]:
    certificates = [parse(der) for der in served]
    way = [0]
    while (following := _issuer_position(certificates, way)) is not None:
        way.append(following)
    return tuple(way)


def _issuer_position(certificates: Sequence[x509.Certificate | None], way: Sequence[int]) -> int | None:
    last = certificates[way[-1]]
    if last is None:
        return None
    for position, candidate in enumerate(certificates):
        if position not in way and candidate is not None and _names_agree(last, candidate):
            return position
    return None


def _names_agree(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        return child.issuer == parent.subject and child.issuer != child.subject
    except HOSTILE:
        return False


def _is_in_date(der: bytes, now: datetime) -> bool:
    one = certificate_facts(der)
    return bool(one.not_before and one.not_after and one.not_before <= now <= one.not_after)
