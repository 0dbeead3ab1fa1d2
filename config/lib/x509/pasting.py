"""Certificates as people paste and upload them."""

import base64
import binascii
import re
from dataclasses import dataclass

from config.lib.errors import NeedsUser
from config.lib.x509.reading import CertificateFacts, certificate_facts

_BLOCK = re.compile(
    r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.*?)-----END (?:TRUSTED |X509 )?CERTIFICATE-----", re.DOTALL
)
_PRIVATE = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_DER_SEQUENCE = 0x30


@dataclass(frozen=True, slots=True)
class Pasted:
    """One certificate of a paste, in its order of appearance and each once."""

    der: bytes
    facts: CertificateFacts


def pasted_certificates(given: bytes, *, at_most: int) -> list[Pasted]:
    """The certificates of PEM text, or of one DER file; what stands around the blocks is ignored.

    Raises NeedsUser: key_pasted, certificates_missing, certificates_too_many, certificate_unreadable
    (with the `position` of the first that is).
    """
    if given[:1] == bytes([_DER_SEQUENCE]):
        ders = [given]
    else:
        text = given.decode("utf-8", "replace")
        if _PRIVATE.search(text):
            raise NeedsUser("key_pasted")
        ders = [_decoded(block, position) for position, block in enumerate(_BLOCK.findall(text)[: at_most + 1], 1)]
    if not ders:
        raise NeedsUser("certificates_missing")
    if len(ders) > at_most:
        raise NeedsUser("certificates_too_many", most=at_most)
    found = [Pasted(der, certificate_facts(der)) for der in dict.fromkeys(ders)]
    for position, one in enumerate(found, 1):
        if "certificate" in one.facts.unreadable:
            raise NeedsUser("certificate_unreadable", position=position)
    return found


def _decoded(block: str, position: int) -> bytes:
    try:
        return base64.b64decode("".join(block.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NeedsUser("certificate_unreadable", position=position) from None
