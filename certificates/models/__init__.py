"""Accounts at CAs, keys, issuances and stored certificates."""

from certificates.models.account import AcmeAccount, CaEntry, CaOutage
from certificates.models.advice import Advice
from certificates.models.certificate import Certificate, CertificateName, PrivateKey, names_key
from certificates.models.dns import ChallengeValue, Delegation, DnsProvider, ProviderRecord
from certificates.models.issuance import Authorization, DnsLook, Issuance
from certificates.models.pull import PullToken
from certificates.models.renewal import Renewal
from certificates.models.replacement import ReplacedCertificate, Replacement
from certificates.models.revocation import Revocation

__all__ = [
    "AcmeAccount",
    "Advice",
    "Authorization",
    "CaEntry",
    "CaOutage",
    "Certificate",
    "CertificateName",
    "ChallengeValue",
    "Delegation",
    "DnsLook",
    "DnsProvider",
    "Issuance",
    "PrivateKey",
    "ProviderRecord",
    "PullToken",
    "Renewal",
    "ReplacedCertificate",
    "Replacement",
    "Revocation",
    "names_key",
]
