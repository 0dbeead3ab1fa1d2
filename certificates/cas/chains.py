"""Which of the chains that a CA offers for a certificate is kept."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from certificates import acme
from certificates.line import Line

CHAINS_AT_MOST = 5


def preferred(line: Line, chain: acme.IssuedChain) -> tuple[str, ...]:
    """The PEMs of the chain whose last certificate was issued by the account's `preferred_chain`; else the CA's first.

    Blocks for as many exchanges as it takes to find it.
    """
    wanted = line.account().preferred_chain
    if not wanted or top_issuer(chain.pems) == wanted:
        return chain.pems
    for url in chain.alternate_urls[:CHAINS_AT_MOST]:
        other = line.ca().download_chain(url)
        if top_issuer(other.pems) == wanted:
            return other.pems
    return chain.pems


def top_issuer(pems: Sequence[str]) -> str:
    """The common name of whoever issued the last certificate of a chain; empty where it has none."""
    names = x509.load_pem_x509_certificate(pems[-1].encode()).issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
