"""Certificates, purely: what they say, whether they are right, whether a key belongs to one.

No model, no socket, no clock: whatever is needed comes as an argument, so that tables test it.
"""

from config.lib.x509.catalogue import ENTRIES
from config.lib.x509.connection import connection_problems
from config.lib.x509.judging import INFO, Link, Problem, Verdict, by_weight, chain_sha256, verdict, warning_spans
from config.lib.x509.names import matches
from config.lib.x509.pair import check_pair, public_bytes_of_key
from config.lib.x509.pasting import Pasted, pasted_certificates
from config.lib.x509.reading import CertificateFacts, ChainFacts, certificate_facts, facts, fingerprint
from config.lib.x509.revocation import RevocationList, Revoked, Source, read_revocation_list, revocation_source
from config.lib.x509.roots import Roots, is_storable, load_roots, roots_of, roots_with
from config.lib.x509.text import clean

__all__ = [
    "ENTRIES",
    "INFO",
    "CertificateFacts",
    "ChainFacts",
    "Link",
    "Pasted",
    "Problem",
    "RevocationList",
    "Revoked",
    "Roots",
    "Source",
    "Verdict",
    "by_weight",
    "certificate_facts",
    "chain_sha256",
    "check_pair",
    "clean",
    "connection_problems",
    "facts",
    "fingerprint",
    "is_storable",
    "load_roots",
    "matches",
    "pasted_certificates",
    "public_bytes_of_key",
    "read_revocation_list",
    "revocation_source",
    "roots_of",
    "roots_with",
    "verdict",
    "warning_spans",
]
