"""Accounts at CAs, keys, issuances and stored certificates."""

from certificates.models.account import AcmeAccount
from certificates.models.certificate import Certificate, CertificateName, PrivateKey, names_key
from certificates.models.issuance import Authorization, DnsLook, Issuance
from certificates.models.revocation import Revocation

__all__ = [
    "AcmeAccount",
    "Authorization",
    "Certificate",
    "CertificateName",
    "DnsLook",
    "Issuance",
    "PrivateKey",
    "Revocation",
    "names_key",
]
