"""Certificates of every right and wrong kind, made on the spot."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
# What a certificate says besides, and whether whoever does not understand it must refuse.
type Extensions = Sequence[tuple[x509.ExtensionType, bool]]

_CURVES: dict[str, ec.EllipticCurve] = {
    "P-192": ec.SECP192R1(),
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "brainpool": ec.BrainpoolP256R1(),
}

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
# 1.2.840.113549.1.1.11 and .5 as DER.
_SHA256_WITH_RSA, _SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d010105")
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)


def days(number: float) -> timedelta:
    return timedelta(days=number)


@cache
def key(kind: str) -> Key:
    """A key of a kind like 'P-256 leaf' or 'RSA-1024 x'; the same words give the same key."""
    algorithm = kind.split()[0]
    if algorithm.startswith("RSA-"):
        return rsa.generate_private_key(65537, int(algorithm.removeprefix("RSA-")))
    if algorithm == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(_CURVES[algorithm])


def rsa_key(kind: str) -> rsa.RSAPrivateKey:
    made = key(kind)
    assert isinstance(made, rsa.RSAPrivateKey)
    return made


def key_pem(kind: str) -> bytes:
    return key(kind).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def name(common_name: str, organization: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


class Authority:
    """A signing certificate; without `parent` a root that signs itself."""

    def __init__(
        self,
        title: str,
        parent: "Authority | None" = None,
        *,
        organization: str = "Forge",
        lasts: tuple[timedelta, timedelta] = (days(-700), days(3000)),
        algorithm: str = "P-256",
        ca: bool = True,
        path_length: int | None = None,
        extensions: Extensions = (),
        named: str = "",
    ) -> None:
        self.name = name(named or title, organization)
        self.key = key(f"{algorithm} {title}")
        signer = parent or self
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + lasts[0])
            .not_valid_after(NOW + lasts[1])
            .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        )
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        self.certificate = builder.sign(signer.key, hashes.SHA256())

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def leaf(
    names: Sequence[str] | None,
    signer: Authority | None,
    *,
    lasts: tuple[timedelta, timedelta] = (days(-10), days(80)),
    kind: str = "P-256 leaf",
    usages: Sequence[x509.ObjectIdentifier] = SERVER,
    common_name: str = "",
    subject: x509.Name | None = None,
    extensions: Extensions = (),
) -> bytes:
    """DER of a server certificate; without `signer` it signs itself, without `names` it has no SAN."""
    own = key(kind)
    subject = subject or name(common_name or (names[0] if names else "leaf"))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.name if signer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + lasts[0])
        .not_valid_after(NOW + lasts[1])
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_san(one) for one in names]), critical=False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    certificate = builder.sign(signer.key if signer else own, hashes.SHA256())
    return certificate.public_bytes(Encoding.DER)


def with_sha1(der: bytes, signer: rsa.RSAPrivateKey) -> bytes:
    """The same certificate signed with SHA-1, which the builder refuses to do."""
    certificate = x509.load_der_x509_certificate(der)
    body = certificate.tbs_certificate_bytes
    weak_body = body.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    signature = signer.sign(weak_body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    return (
        der.replace(body, weak_body).replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA).replace(certificate.signature, signature)
    )


def _san(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class World:
    """One trusted root, one intermediate below it, and one root that nobody trusts."""

    def __init__(self) -> None:
        self.root = Authority("Forge Root")
        self.intermediate = Authority("Forge Intermediate", self.root)
        self.stranger = Authority("Stranger Root", organization="Strangers")
        self.stranger_intermediate = Authority("Stranger Intermediate", self.stranger, organization="Strangers")
