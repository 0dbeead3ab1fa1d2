"""Uploads that are wrong: each is refused with its own words, beside its field, and nothing is stored."""

import base64
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from django.test import Client

from auditlog.models import Event
from certificates.models import Certificate, PrivateKey
from config.lib import clock
from config.lib.errors import describe
from domains.models import Domain
from tests.cast import Cast
from tests.servers.ca import Issued, TestCa
from tests.unit.certificates.conftest import HOST

pytestmark = pytest.mark.django_db
AUTHORITY = TestCa()
GOOD = AUTHORITY.issue([HOST])
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Made by hand")])
NOTHING = "Nothing was stored."

type Body = dict[str, str]


def text(*parts: bytes) -> Body:
    return {"pem": b"".join(parts).decode()}


def pair(issued: Issued) -> Body:
    return text(issued.fullchain_pem, issued.key_pem)


def forged(
    key: Any,
    *extensions: x509.ExtensionType,
    names: tuple[str, ...] = (HOST,),
    issuer: x509.Name = NAME,
    by: Any = None,
) -> bytes:
    """A certificate that no careful authority would sign, by its own key unless `by` another."""
    now = clock.now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=80))
    )
    if names:
        extensions = (x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), *extensions)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(by or key, hashes.SHA256()).public_bytes(Encoding.PEM)


def pem_of(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def by_openssl(*command: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *command], input=given, capture_output=True, check=True).stdout


def made_pfx(place: Path, *options: str) -> Body:
    GOOD.write(place)
    (place / "both.pem").write_bytes(GOOD.fullchain_pem + GOOD.key_pem)
    made = by_openssl("pkcs12", "-export", "-in", str(place / "both.pem"), "-passout", "pass:right", *options)
    return {"pfx_base64": base64.b64encode(made).decode()}


def weak_signature(place: Path) -> Body:
    key, config = place / "k.pem", f"/CN=x -addext subjectAltName=DNS:{HOST} -sha1 -days 9"
    made = by_openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-subj", *config.split())
    return text(made, key.read_bytes())


def lone(key: Any, *extensions: x509.ExtensionType, **options: Any) -> Body:
    return text(forged(key, *extensions, **options), pem_of(key))


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def with_gap(place: Path) -> Body:
    """A leaf that says where its issuer's certificate is to be had."""
    url = x509.UniformResourceIdentifier("http://ca.acme-tools.net/issuing.der")
    access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, url)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Issuing CA 7")])
    return lone(p256(), x509.AuthorityInformationAccess([access]), issuer=issuer, by=p256())


def with_wrong_chain(place: Path) -> Body:
    """Another intermediate of the same name, as after a CA's renewal with a new key."""
    return text(GOOD.cert_pem, TestCa().intermediate.public_bytes(Encoding.PEM), GOOD.key_pem)


def with_expired_chain(place: Path) -> Body:
    root, key = p256(), p256()
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old CA")])
    old = (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old Root")]))
        .public_key(root.public_key())
        .serial_number(7)
        .not_valid_before(clock.now() - timedelta(days=900))
        .not_valid_after(clock.now() - timedelta(days=3))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(root, hashes.SHA256())
    )
    return text(forged(key, issuer=issuer, by=root), old.public_bytes(Encoding.PEM), pem_of(key))


def request(place: Path) -> Body:
    key = p256()
    made = x509.CertificateSigningRequestBuilder().subject_name(NAME).sign(key, hashes.SHA256())
    return text(made.public_bytes(Encoding.PEM), pem_of(key))


PUBLIC = GOOD.certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
ROOT_KEY_PEM = pem_of(AUTHORITY._root_key)
CLIENT_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])

WRONG: dict[str, tuple[str, str, Callable[[Path], Body]]] = {
    # case: (the title, the field, what is sent)
    "nothing": ("There is no certificate and no key in this upload", "pem", lambda _: {"pem": " \n"}),
    "prose": ("There is no certificate and no key in this upload", "pem", lambda _: {"pem": "see the attachment"}),
    "both ways": ("There is more than one upload here", "pfx_base64", lambda _: {"pem": "x", "pfx_base64": "eA=="}),
    "no Base64": ("The PKCS#12 file is not in Base64", "pfx_base64", lambda _: {"pfx_base64": "§§"}),
    "no key": ("The private key is missing", "pem", lambda _: text(GOOD.fullchain_pem)),
    "no certificate": ("The certificate is missing", "pem", lambda _: text(GOOD.key_pem)),
    "a request": ("This is a signing request, not a certificate", "pem", request),
    "a public key": (
        "This is a public key, and the private one is missing",
        "pem",
        lambda _: text(GOOD.fullchain_pem, PUBLIC),
    ),
    "a lost line": (
        "Certificate number 1 could not be read",
        "pem",
        lambda _: text(b"\n".join(line for at, line in enumerate(GOOD.cert_pem.splitlines()) if at != 4), GOOD.key_pem),
    ),
    "a broken key": (
        "The private key could not be read",
        "pem",
        lambda _: text(GOOD.fullchain_pem, b"-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"),
    ),
    "another key": (
        "The private key does not belong to the certificate",
        "pem",
        lambda _: text(GOOD.fullchain_pem, AUTHORITY.issue([HOST]).key_pem),
    ),
    "another host": (
        f"The certificate is not for {HOST}",
        "pem",
        lambda _: pair(AUTHORITY.issue(["acme-tools.net", "*.shop.acme-tools.net"])),
    ),
    "expired": ("The certificate has expired", "pem", lambda _: pair(AUTHORITY.issue([HOST], days=10, age_days=11))),
    "an authority": (
        "This is the certificate of an authority, not of a server",
        "pem",
        lambda _: text(AUTHORITY.root_pem, ROOT_KEY_PEM),
    ),
    "no names": ("The certificate names no host", "pem", lambda _: lone(p256(), names=())),
    "for clients": ("The certificate is not meant for servers", "pem", lambda _: lone(p256(), CLIENT_ONLY)),
    "RSA 1024": ("The key is too weak", "pem", lambda _: lone(rsa.generate_private_key(65537, 1024))),  # noqa: S505
    "DSA": ("The key is too weak", "pem", lambda _: lone(dsa.generate_private_key(2048))),
    "SHA-1": ("The certificate's signature is too weak", "pem", weak_signature),
    "a gap": ("The intermediate certificate Issuing CA 7 is missing", "pem", with_gap),
    "another chain": ("The chain does not belong to this certificate", "pem", with_wrong_chain),
    "an expired chain": ("A certificate of the chain has expired", "pem", with_expired_chain),
    "too many": (
        "Too many certificates or keys at once",
        "pem",
        lambda _: text(GOOD.cert_pem * 1, *(AUTHORITY.issue([HOST]).cert_pem for _ in range(51)), GOOD.key_pem),
    ),
    "no password": (
        "A password is needed",
        "password",
        lambda _: text(GOOD.fullchain_pem, by_openssl("pkey", "-aes256", "-passout", "pass:x", given=GOOD.key_pem)),
    ),
    "a wrong password": (
        "The password does not fit",
        "password",
        lambda _: (
            text(GOOD.fullchain_pem, by_openssl("pkey", "-aes256", "-passout", "pass:x", given=GOOD.key_pem))
            | {"password": "y"}
        ),
    ),
    "a PFX without its password": ("A password is needed", "password", made_pfx),
    "a PFX with a wrong one": (
        "The password does not fit",
        "password",
        lambda place: made_pfx(place) | {"password": "wrong"},
    ),
    "a PFX without a key": (
        "The private key is missing",
        "pfx_base64",
        lambda place: made_pfx(place, "-nokeys") | {"password": "right"},
    ),
    "a PFX without a certificate": (
        "The certificate is missing",
        "pfx_base64",
        lambda place: made_pfx(place, "-nocerts") | {"password": "right"},
    ),
    "half a PFX": (
        "The file could not be read",
        "pfx_base64",
        lambda place: {"pfx_base64": made_pfx(place)["pfx_base64"][:800], "password": "right"},
    ),
    "a certificate in DER": (
        "The private key is missing",
        "pfx_base64",
        lambda _: {"pfx_base64": base64.b64encode(GOOD.fullchain_ders[0]).decode()},
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_upload_is_told_and_leaves_nothing(case: str, cast: Cast, domain: Domain, tmp_path: Path) -> None:
    title, field, make = WRONG[case]
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'write')}"}
    path = f"/api/domains/{domain.pk}/certificates"
    answer = Client().post(path, make(tmp_path), content_type="application/json", headers=headers)
    body = answer.json()
    assert answer.status_code == 422, body
    assert body["title"] == title
    assert list(body["fields"]) == [field]
    assert body["detail"].endswith(NOTHING)
    assert body["fix"]
    words = f"{body['title']} {body['detail']} {body['fix']}"
    assert "…" not in words.replace("END … PRIVATE", "").replace("BEGIN …", ""), "a parameter is missing"
    stored = (Certificate.unscoped, PrivateKey.unscoped, Event.unscoped.filter(kind="certificate.uploaded"))
    assert not any(rows.exists() for rows in stored)


def test_the_gap_is_named_with_the_address_of_what_fills_it(tmp_path: Path, cast: Cast, domain: Domain) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'write')}"}
    path = f"/api/domains/{domain.pk}/certificates"
    answer = Client().post(path, with_gap(tmp_path), content_type="application/json", headers=headers)
    assert "http://ca.acme-tools.net/issuing.der" in answer.json()["detail"]


def test_no_code_is_left_without_a_case() -> None:
    """What bombs and full machines get is shown elsewhere."""
    told = {title for title, _, _ in WRONG.values()}
    shown = {describe(code, {"host": HOST, "issuer": "Issuing CA 7", "position": 1}).title for code in CODES}
    assert shown - told == set()


CODES = (
    *("upload_nothing_found", "upload_too_many", "upload_two_ways", "upload_not_base64", "upload_unreadable"),
    *("upload_pfx_unreadable", "upload_password_missing", "upload_password_wrong", "upload_key_unreadable"),
    *("upload_certificate_missing", "upload_request_only", "upload_key_missing", "upload_public_key"),
    *("upload_key_mismatch", "upload_authority", "upload_key_weak", "upload_signature_weak", "upload_no_names"),
    *("upload_host", "upload_usage", "upload_expired", "upload_intermediate_missing", "upload_chain_invalid"),
    "upload_chain_expired",
)
