"""Certificates, purely: what they say, whether they are right, whether a key belongs to one.

No model, no socket, no clock: whatever is needed comes as an argument, so that tables test it.
"""

from config.lib.x509.catalogue import ENTRIES
from config.lib.x509.judging import Link, Problem, Verdict, chain_sha256, verdict, warning_spans
from config.lib.x509.names import matches
from config.lib.x509.pair import check_pair, public_bytes_of_key
from config.lib.x509.reading import CertificateFacts, ChainFacts, certificate_facts, facts, fingerprint
from config.lib.x509.roots import Roots, load_roots, roots_of
from config.lib.x509.text import clean

__all__ = [
    "ENTRIES",
    "CertificateFacts",
    "ChainFacts",
    "Link",
    "Problem",
    "Roots",
    "Verdict",
    "certificate_facts",
    "chain_sha256",
    "check_pair",
    "clean",
    "facts",
    "fingerprint",
    "load_roots",
    "matches",
    "public_bytes_of_key",
    "roots_of",
    "verdict",
    "warning_spans",
]
