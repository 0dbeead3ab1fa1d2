"""Key pairs and certificate signing requests. What is made here leaves only as a `Sealed`."""

from collections.abc import Callable, Sequence
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from config.lib.sealed import Sealed

type CertificateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

DEFAULT_KEY_TYPE = "ecdsa-p256"

_MAKERS: dict[str, Callable[[], CertificateKey]] = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
}
KEY_TYPES = {
    "ecdsa-p256": "ECDSA P-256",
    "ecdsa-p384": "ECDSA P-384",
    "rsa-2048": "RSA 2048",
    "rsa-3072": "RSA 3072",
    "rsa-4096": "RSA 4096",
}


def new_key(key_type: str = DEFAULT_KEY_TYPE) -> Sealed:
    """A fresh private key as PKCS#8 PEM."""
    return Sealed.of(_MAKERS[key_type]().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def make_csr(key: Sealed, names: Sequence[str]) -> str:
    """A PEM request for `names`, signed with `key`.

    The subject is empty, which makes the names critical (RFC 5280, 4.2.1.6): a common name holds at
    most 64 characters and CAs put it there themselves where they still use it.
    """
    sans = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    private = cast(CertificateKey, load_pem_private_key(key.reveal(), password=None))
    request = builder.add_extension(sans, critical=True).sign(private, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def csr_der(csr_pem: str) -> bytes:
    return x509.load_pem_x509_csr(csr_pem.encode()).public_bytes(Encoding.DER)
