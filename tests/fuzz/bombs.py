"""Uploads made to burn time or memory, or to end the reader: each as (content, password)."""

import base64
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.fuzz.certificates import Node, _length, all_nodes, taken_apart
from tests.servers.ca import TestCa
from tests.unit.domains.forge import NOW, days

HOST = "shop.acme-tools.net"
LARGEST = 500 * 1024
BEGIN, END = "-----BEGIN CERTIFICATE-----\n", "\n-----END CERTIFICATE-----\n"
_HUGE_ROUNDS = (2**31 - 1).to_bytes(4, "big")

type Bomb = tuple[bytes, str]


@cache
def good() -> tuple[bytes, bytes]:
    """A chain and its key in PEM that would be stored."""
    issued = TestCa().issue([HOST])
    return issued.fullchain_pem, issued.key_pem


@cache
def pfx(*options: str) -> bytes:
    with TemporaryDirectory() as place:
        both, made = Path(place) / "both.pem", Path(place) / "site.pfx"
        both.write_bytes(b"".join(good()))
        files = ["-in", str(both), "-out", str(made), "-passout", "pass:right"]
        subprocess.run(["openssl", "pkcs12", "-export", *files, *options], check=True, capture_output=True)
        return made.read_bytes()


def block(label: str, der: bytes) -> bytes:
    coded = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{coded}-----END {label}-----\n".encode()


def with_numbers(der: bytes, old: int, new: bytes) -> bytes:
    """Every INTEGER `old` in it replaced, the lengths put right, through all octet strings."""
    nodes = taken_apart(der)
    wanted = old.to_bytes((old.bit_length() + 8) // 8, "big")
    for node in (one for top in nodes for one in all_nodes(top)):
        if node.tag == 0x02 and node.value == wanted:
            node.value = new
    return b"".join(bytes(node) for node in nodes)


def with_last_number(der: bytes, new: bytes) -> bytes:
    """The last INTEGER of a PFX is how often its MAC is made."""
    (tree,) = taken_apart(der)
    [one for one in all_nodes(tree) if one.tag == 0x02][-1].value = new
    return bytes(tree)


def nested(depth: int, tag: int = 0x30) -> bytes:
    der = b"\x05\x00"
    for _ in range(depth):
        der = bytes([tag]) + _length(len(der)) + der
        if len(der) > LARGEST:
            break
    return der


def encrypted_key(*options: str) -> bytes:
    command = ["openssl", "pkcs8", "-topk8", "-passout", "pass:right", *options]
    return subprocess.run(command, input=good()[1], check=True, capture_output=True).stdout


def der_of(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


def rounds_of_key() -> bytes:
    der = with_numbers(der_of(encrypted_key("-iter", "12345")), 12345, _HUGE_ROUNDS)
    return good()[0] + block("ENCRYPTED PRIVATE KEY", der)


def scrypt(cost: int) -> bytes:
    made = der_of(encrypted_key("-scrypt", "-scrypt_N", "1024", "-scrypt_r", "8", "-scrypt_p", "1"))
    der = with_numbers(made, 1024, cost.to_bytes((cost.bit_length() + 8) // 8, "big"))
    return good()[0] + block("ENCRYPTED PRIVATE KEY", der)


def number(value: int) -> bytes:
    octets = value.to_bytes((value.bit_length() + 8) // 8, "big")
    return b"\x02" + _length(len(octets)) + octets


def sequence(*parts: bytes) -> bytes:
    return b"\x30" + _length(len(b"".join(parts))) + b"".join(parts)


def rsa_key(bits: int, exponent: int = 65537) -> bytes:
    """A private key of numbers that only look like one: whoever checks them works for a long time."""
    p, q = (1 << (bits // 2)) - 1, (1 << (bits // 2)) - 3
    parts = (0, p * q, exponent, p * q - 2, p, q, p - 2, q - 2, 3)
    return block("RSA PRIVATE KEY", sequence(*(number(part) for part in parts)))


def rsa_certificate(bits: int, exponent: int = 65537) -> bytes:
    """A real certificate with a public key of so many bits put into it."""
    (tree,) = taken_apart(der_of(leaf_of_rsa()))
    bit_string = next(one for one in all_nodes(tree) if one.tag == 0x03 and len(bytes(one)) > 250)
    bit_string.parts, bit_string.prefix = [], b""
    bit_string.value = b"\0" + sequence(number((1 << bits) - 1), number(exponent))
    return block("CERTIFICATE", bytes(tree))


@cache
def leaf_of_rsa() -> bytes:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-days", "9"]
    return subprocess.run([*command, "-subj", "/CN=x"], check=True, capture_output=True).stdout


def many_names(count: int) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    names = [x509.DNSName(f"h{position}.acme-tools.net") for position in range(count)]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - days(1))
        .not_valid_after(NOW + days(9))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def circle(count: int) -> bytes:
    """Authorities of one name that all sign one another: each is everybody's possible issuer."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Round")])
    other = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "About")])
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(count)]
    pems = []
    for position, key in enumerate(keys):
        subject, issuer = (name, other) if position % 2 else (other, name)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        builder = builder.serial_number(position + 1).not_valid_before(NOW - days(9)).not_valid_after(NOW + days(9))
        extended = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), False)
        pems.append(extended.sign(keys[position - 1], hashes.SHA256()).public_bytes(Encoding.PEM))
    return b"".join(pems) + keys[0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def lying_length() -> bytes:
    return b"\x30\x84\x7f\xff\xff\xff" + b"\x30\x80" * 1000


def swollen(node_tag: int, size: int) -> bytes:
    """The good leaf with one of its values blown up."""
    chain, key = good()
    (tree,) = taken_apart(der_of(chain.partition(b"-----END CERTIFICATE-----\n")[0] + b"-----END CERTIFICATE-----"))
    leaf: Node = next(one for one in all_nodes(tree) if one.tag == node_tag and not one.parts)
    leaf.value = b"\x7f" * size
    return block("CERTIFICATE", bytes(tree)) + key


CERTS = good()[0]
BOMBS: dict[str, Callable[[], Bomb]] = {
    "ASN.1 nested 70,000 deep": lambda: (block("CERTIFICATE", nested(70_000)), ""),
    "ASN.1 nested deep as a file": lambda: (nested(100_000), ""),
    "sets nested deep": lambda: (block("PRIVATE KEY", nested(50_000, 0x31)), ""),
    "octet strings nested deep": lambda: (block("PKCS7", nested(50_000, 0x24)), ""),
    "a length of two gigabytes": lambda: (lying_length(), ""),
    "endless lengths without an end": lambda: (b"\x30\x80" * 100_000, ""),
    "a PFX with 2^31 rounds": lambda: (with_numbers(pfx("-iter", "54321"), 54321, _HUGE_ROUNDS), "right"),
    "a PFX with 2^31 rounds of its MAC": lambda: (with_last_number(pfx(), _HUGE_ROUNDS), "right"),
    "an old PFX with 2^31 rounds": lambda: (
        with_numbers(pfx("-legacy", "-iter", "54321"), 54321, _HUGE_ROUNDS),
        "right",
    ),
    "a PFX with a round number beyond 64 bits": lambda: (
        with_numbers(pfx("-iter", "54321"), 54321, b"\x7f" * 40),
        "right",
    ),
    "a PFX with negative rounds": lambda: (with_numbers(pfx("-iter", "54321"), 54321, b"\xff\xff"), "right"),
    "a key with 2^31 rounds": lambda: (rounds_of_key(), "right"),
    "scrypt that wants 8 GB": lambda: (scrypt(2**23), "right"),
    "scrypt that wants 2^60": lambda: (scrypt(2**60), "right"),
    "a password of a megabyte": lambda: (pfx(), "x" * 1_000_000),
    "5,000 certificates": lambda: ((CERTS * 5000)[:LARGEST], ""),
    "5,000 empty blocks": lambda: ((BEGIN + END).encode() * 5000, ""),
    "20,000 beginnings": lambda: (BEGIN.encode() * 18_000, ""),
    "beginnings and ends that do not meet": lambda: (b"-----BEGIN A-----\n-----END B-----\n" * 15_000, ""),
    "20,000 hyphens in a row": lambda: (b"-" * LARGEST, ""),
    "a repeated letter": lambda: ((BEGIN + "A" * (LARGEST - 100) + END).encode(), ""),
    "a PFX in a PFX in a PFX": lambda: (block("PKCS7", pfx()) + pfx() * 100, "right"),
    "an RSA key of 16,384 bits": lambda: (CERTS + rsa_key(16_384), ""),
    "an RSA key of 65,536 bits": lambda: (CERTS + rsa_key(65_536), ""),
    "an RSA key with an even, huge exponent": lambda: (CERTS + rsa_key(4096, 2**4000), ""),
    "a certificate with an RSA key of 400,000 bits": lambda: (rsa_certificate(400_000) + good()[1], ""),
    "a certificate with a huge exponent": lambda: (rsa_certificate(8192, 2**8000 + 1) + good()[1], ""),
    "10,000 names": lambda: (many_names(10_000), ""),
    "authorities that sign in a circle": lambda: (circle(48), ""),
    "a serial number of 200 KB": lambda: (swollen(0x02, 200_000), ""),
    "a name of 200 KB": lambda: (swollen(0x0C, 200_000), ""),
    "50 encrypted keys": lambda: (CERTS + encrypted_key("-iter", "400000") * 50, "right"),
    "UTF-16 of nothing": lambda: (b"\xff\xfe" + b"-\0" * 200_000, ""),
    "half a surrogate pair": lambda: (b"\xfe\xff\xd8\x00" + b"\x00-" * 1000, ""),
}
