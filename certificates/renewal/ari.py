"""The CA's own word on when to renew (RFC 9773)."""

import base64
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509

from certificates import acme
from certificates.line import connect_as
from certificates.models import AcmeAccount, Certificate
from certificates.renewal.moment import Suggestion, Window, choose
from config.lib import clock

# At least twice a day (RFC 9773, section 4.3.2), and never in a hurry, whatever Retry-After says.
ASKED_EVERY = timedelta(hours=12)
ASKED_AT_MOST_EVERY = timedelta(minutes=10)
AFTER_FAILURE = timedelta(hours=6)

_chance = random.SystemRandom()


@dataclass(frozen=True)
class Answer:
    """`suggestion` is None where the CA makes none; `ask_at` is when to ask again."""

    suggestion: Suggestion | None
    ask_at: datetime
    explanation_url: str = ""


@lru_cache(maxsize=1024)
def certificate_id(leaf_pem: str) -> str:
    """As section 4.1 says: the issuer's key identifier and the serial number's DER bytes, its leading zero included.

    Empty for a certificate without an authority key identifier: no CA can be asked about it.
    """
    certificate = x509.load_pem_x509_certificate(leaf_pem.encode())
    try:
        extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return ""
    key_identifier = extension.value.key_identifier
    if not key_identifier:
        return ""
    serial = certificate.serial_number
    # One bit more for the sign: 0x87… would read as negative without the zero before it.
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return f"{_encoded(key_identifier)}.{_encoded(octets)}"


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def ask(certificate: Certificate, known: Suggestion | None) -> Answer:
    """Ask the CA that issued it. Blocks; raises ExpectedErrors. The chosen point stays while the window does."""
    name = certificate_id(certificate.leaf_pem)
    account = AcmeAccount.unscoped.filter(
        workspace=certificate.workspace_id, directory_url=certificate.directory_url
    ).first()
    if not name or account is None:
        return Answer(None, clock.now() + ASKED_EVERY)
    with connect_as(account, in_line=False) as ca:
        info = ca.renewal_info(name)
    return read(info, known, clock.now()) if info else Answer(None, clock.now() + ASKED_EVERY)


def read(info: acme.RenewalInfo, known: Suggestion | None, now: datetime) -> Answer:
    window = Window(info.start, info.end)
    suggestion = known
    if known is None or known.window != window:
        suggestion = Suggestion(window, choose(window, _chance.random()), is_past=window.end <= now)
    wait = (info.retry_at - now) if info.retry_at else ASKED_EVERY
    ask_at = now + min(max(wait, ASKED_AT_MOST_EVERY), ASKED_EVERY)
    return Answer(suggestion, ask_at, info.explanation_url)
