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
from config.lib.errors import catalogue, describe
from domains.models import Domain
from tests.cast import Cast
from tests.servers.ca import Issued, TestCa
from tests.unit.certificates.conftest import HOST, trust

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


def intermediate(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, above: x509.Name, *, days_ago: int, days_left: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(clock.now() - timedelta(days=days_ago))
        .not_valid_after(clock.now() + timedelta(days=days_left))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )


def with_expired_chain(place: Path) -> Body:
    root, key = p256(), p256()
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old CA")])
    above = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old Root")])
    old = intermediate(issuer, root, above, days_ago=900, days_left=-3).sign(root, hashes.SHA256())
    return text(forged(key, issuer=issuer, by=root), old.public_bytes(Encoding.PEM), pem_of(key))


def request(place: Path) -> Body:
    key = p256()
    made = x509.CertificateSigningRequestBuilder().subject_name(NAME).sign(key, hashes.SHA256())
    return text(made.public_bytes(Encoding.PEM), pem_of(key))


def too_large_a_key(place: Path) -> Body:
    """Of two known primes (Mersenne's), since finding ones of that size takes a minute."""
    p, q, e = 2**4423 - 1, 2**4253 - 1, 65537
    d = rsa.rsa_recover_private_exponent(e, p, q)
    parts = {"dmp1": rsa.rsa_crt_dmp1(d, p), "dmq1": rsa.rsa_crt_dmq1(d, q), "iqmp": rsa.rsa_crt_iqmp(p, q)}
    numbers = rsa.RSAPrivateNumbers(p=p, q=q, d=d, public_numbers=rsa.RSAPublicNumbers(e, p * q), **parts)
    return lone(numbers.private_key(unsafe_skip_rsa_key_validation=True), by=p256())


def ends_before_it_begins(place: Path) -> Body:
    """No library makes one: the two moments trade their places in the bytes."""
    key = p256()
    der = x509.load_pem_x509_certificate(forged(key)).public_bytes(Encoding.DER)
    dates = der.index(b"\x30\x1e\x17\x0d") + 2
    swapped = der[:dates] + der[dates + 15 : dates + 30] + der[dates : dates + 15] + der[dates + 30 :]
    return text(x509.load_der_x509_certificate(swapped).public_bytes(Encoding.PEM), pem_of(key))


def under_an_authority_for_others(place: Path) -> Body:
    """A trusted root vouches for an intermediate that may sign for another domain only."""
    key, leaf_key = p256(), p256()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA for others")])
    others = x509.NameConstraints([x509.DNSName("elsewhere.net")], None)
    made = intermediate(name, key, AUTHORITY.root.subject, days_ago=9, days_left=900).add_extension(others, True)
    between = made.sign(AUTHORITY._root_key, hashes.SHA256())
    return text(forged(leaf_key, issuer=name, by=key), between.public_bytes(Encoding.PEM), pem_of(leaf_key))


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
    "RSA 8676": ("The key is too large", "pem", too_large_a_key),
    "dates the wrong way round": ("The certificate's dates make no sense", "pem", ends_before_it_begins),
    "an authority for others": ("The chain does not hold", "pem", under_an_authority_for_others),
    "a thousand names": (
        "The certificate names too many hosts",
        "pem",
        lambda _: lone(p256(), names=(HOST, *(f"n{number}.acme-tools.net" for number in range(1000)))),
    ),
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
    trust(domain, AUTHORITY)
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


# Stored all the same, with a word of warning; what bombs, long texts and full machines get is shown beside them.
NOT_HERE = {
    *("upload_not_yet_valid", "upload_self_signed", "upload_untrusted"),
    *("upload_too_large", "upload_beyond_limits", "upload_busy"),
}


def test_no_code_is_left_without_a_case() -> None:
    told = {title for title, _, _ in WRONG.values()}
    codes = [code for code in catalogue.keys() if code.startswith("upload_") and code not in NOT_HERE]  # noqa: SIM118
    shown = {describe(code, {"host": HOST, "issuer": "Issuing CA 7", "position": 1}).title for code in codes}
    assert shown - told == set()
    assert len(codes) >= 20
