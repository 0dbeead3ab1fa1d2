"""A small certificate authority for test servers: any names, any dates, any key."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

type SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def new_key(kind: str = "ec") -> SigningKey:
    """Make a P-256 key ("ec") or an RSA-2048 one ("rsa")."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: SigningKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True)
class Issued:
    """A leaf with its chain, as the four files of a web server."""

    certificate: x509.Certificate
    key: SigningKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def cert_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain_pem(self) -> bytes:
        return b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)

    @property
    def fullchain_pem(self) -> bytes:
        return self.cert_pem + self.chain_pem

    @property
    def fullchain_ders(self) -> tuple[bytes, ...]:
        """What a server sends."""
        return tuple(one.public_bytes(Encoding.DER) for one in (self.certificate, *self.chain))

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)

    def write(self, directory: Path) -> None:
        """Write cert.pem, chain.pem, fullchain.pem and key.pem (0600)."""
        files = {
            "cert.pem": self.cert_pem,
            "chain.pem": self.chain_pem,
            "fullchain.pem": self.fullchain_pem,
        }
        for name, content in files.items():
            (directory / name).write_bytes(content)
        private = directory / "key.pem"
        private.touch(mode=0o600)
        private.write_bytes(self.key_pem)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: str, issuer: x509.Name, key: SigningKey, start: datetime.datetime, days: float
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _sign_authority(subject: str, key: SigningKey, issuer: x509.Name, issuer_key: SigningKey) -> x509.Certificate:
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=400)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        _builder(subject, issuer, key, start, 3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(authority_key, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


class TestCa:
    """A root and one intermediate, made in a few milliseconds."""

    __test__ = False

    def __init__(self, name: str = "Loopback Test") -> None:
        self._root_key = new_key()
        root_name = f"{name} Root"
        self.root = _sign_authority(root_name, self._root_key, _name(root_name), self._root_key)
        self._key = new_key()
        self.intermediate = _sign_authority(f"{name} Intermediate", self._key, self.root.subject, self._root_key)

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    @property
    def root_der(self) -> bytes:
        return self.root.public_bytes(Encoding.DER)

    def issue(
        self,
        names: Sequence[str],
        *,
        days: float = 90,
        age_days: float = 1,
        key: SigningKey | None = None,
    ) -> Issued:
        """Sign a server certificate that became valid `age_days` ago and lives `days` in all."""
        key = key or new_key()
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=age_days)
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        leaf = (
            _builder(names[0], self.intermediate.subject, key, start, days)
            .add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(purposes, critical=False)
            .add_extension(authority_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(certificate=leaf, key=key, chain=(self.intermediate,))
