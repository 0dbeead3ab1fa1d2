"""Whether a private key belongs to a certificate."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from config.lib.errors import NeedsUser

_PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def check_pair(leaf_der: bytes, key_pem: bytes) -> None:
    """Pass when the key is the certificate's own.

    Raises NeedsUser: key_mismatch, key_unreadable, key_encrypted, certificate_unreadable. No error
    carries anything of the key.
    """
    if public_bytes_of_key(key_pem) != _public_bytes_of_certificate(leaf_der):
        raise NeedsUser("key_mismatch")


def public_bytes_of_key(key_pem: bytes) -> bytes:
    """The key's public half as DER SubjectPublicKeyInfo; raises as check_pair does."""
    try:
        key = serialization.load_pem_private_key(key_pem, None)
    except TypeError:
        raise NeedsUser("key_encrypted") from None
    except (ValueError, UnsupportedAlgorithm):
        # `from None`: the parser's message may quote bytes of the key.
        raise NeedsUser("key_unreadable") from None
    return key.public_key().public_bytes(*_PUBLIC)


def _public_bytes_of_certificate(leaf_der: bytes) -> bytes:
    try:
        return x509.load_der_x509_certificate(leaf_der).public_key().public_bytes(*_PUBLIC)
    except (ValueError, UnsupportedAlgorithm):
        raise NeedsUser("certificate_unreadable") from None
