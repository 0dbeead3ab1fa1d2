"""Certificates as nobody should write them: byte by byte, and by their structure, so that parsers get far.

`mutants(seed, count)` gives the same ones each time. A mutation by structure takes DER apart into its
tags and values, changes some, and puts it together with the right lengths again.
"""

import datetime
import ipaddress
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.unit.domains.forge import NOW, World, days, leaf

HOST = "www.forge.org"
DEEPEST = 12
_CONSTRUCTED, _SEQUENCE, _OCTETS, _BITS, _OID = 0x20, 0x30, 0x04, 0x03, 0x06

# What text, numbers and times of strangers may hold; each is worth trying in any place.
STRINGS = (
    (0x0C, b"a\0b"),
    (0x0C, b"\xff\xfe\xed\xa0\x80"),
    (0x0C, "\u202egnp.exe\u2028\u200b".encode()),
    (0x0C, b"x" * 70_000),
    (0x0C, b"*." * 200),
    (0x1E, b"\xd8\x00\x00A"),
    (0x1E, b"\x00"),
    (0x1C, b"\x00\x11\xff\xff\x00\x00\xd8\x00"),
    (0x13, b"\x00\x01\x1b[31m"),
    (0x14, b"\xa4\xff\x80"),
    (0x16, b"w\0ww.forge.org"),
    (0x16, b"\x80\xff"),
    (0x82, b"www.forge.org\0.evil.org"),
    (0x82, b"\xc3\x28.org"),
    (0x82, b""),
    (0x86, b"http://\0/"),
    (0x86, b"http://[::1"),
    (0x87, b"\x01\x02\x03"),
)
NUMBERS = (
    (0x02, b""),
    (0x02, b"\x00"),
    (0x02, b"\xff"),
    (0x02, b"\x80" + b"\x00" * 40),
    (0x02, b"\x7f" + b"\xff" * 4000),
    (0x0A, b"\x05"),
    (0x01, b"\x01"),
    (0x01, b""),
    (0x06, b"\x80\x80\x80\x01"),
    (0x06, b"\xff" * 60 + b"\x7f"),
    (0x06, b""),
    (0x05, b""),
)
TIMES = (
    (0x18, b"00000101000000Z"),
    (0x18, b"00010101000000Z"),
    (0x18, b"99991231235959Z"),
    (0x18, b"20261301000000Z"),
    (0x18, b"20260230000000Z"),
    (0x18, b"20261126000000.5Z"),
    (0x18, b"2026112600Z"),
    (0x18, b"99990101000000-0100"),
    (0x17, b"500101000000Z"),
    (0x17, b"491231235959Z"),
    (0x17, b"0000000000Z"),
    (0x17, b"\xff" * 13),
)
SPECIAL = (*STRINGS, *NUMBERS, *TIMES)


@dataclass
class Node:
    """A tag with its value, or with what the value is made of; `prefix` are bytes before the inner DER."""

    tag: int
    value: bytes = b""
    parts: list["Node"] = field(default_factory=list)
    prefix: bytes = b""

    def __bytes__(self) -> bytes:
        inner = self.prefix + b"".join(bytes(part) for part in self.parts) if self.parts else self.value
        return bytes([self.tag]) + _length(len(inner)) + inner


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def taken_apart(der: bytes, depth: int = 0) -> list[Node]:
    """The values that stand one after the other in `der`; ValueError when it is no DER to the last byte."""
    nodes, at = [], 0
    while at < len(der):
        tag, value, at = _read(der, at)
        nodes.append(_node(tag, value, depth))
    return nodes


def _read(der: bytes, at: int) -> tuple[int, bytes, int]:
    if at + 2 > len(der):
        raise ValueError("cut off")
    tag, size, start = der[at], der[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, start = int.from_bytes(der[start : start + count], "big"), start + count
    if start + size > len(der) or tag & 0x1F == 0x1F:
        raise ValueError("no DER")
    return tag, der[start : start + size], start + size


def _node(tag: int, value: bytes, depth: int) -> Node:
    prefix = value[:1] if tag == _BITS else b""
    if value and depth < DEEPEST and (tag & _CONSTRUCTED or tag in (_OCTETS, _BITS)):
        try:
            parts = taken_apart(value[len(prefix) :], depth + 1)
        except ValueError:
            return Node(tag, value)
        return Node(tag, value, parts, prefix)
    return Node(tag, value)


def all_nodes(node: Node) -> list[Node]:
    return [node, *(below for part in node.parts for below in all_nodes(part))]


# Seeds


@cache
def seeds() -> tuple[bytes, ...]:
    """Certificates of every key type, with few and with many extensions, and some public roots."""
    world = World()
    plain = [leaf([HOST], world.intermediate), leaf([HOST], None), world.intermediate.der, world.root.der]
    plain += [leaf([HOST, "192.0.2.1"], world.intermediate, kind="RSA-2048 leaf"), leaf(None, world.intermediate)]
    keys: list[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey] = [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        ed448.Ed448PrivateKey.generate(),
    ]
    blocks = x509.load_pem_x509_certificates(Path(certifi.where()).read_bytes())[:: len(keys) * 4]
    return (*plain, *(_rich(key) for key in keys), *(one.public_bytes(Encoding.DER) for one in blocks))


def _rich(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey,
) -> bytes:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Bücher & Söhne"),
            x509.NameAttribute(NameOID.COMMON_NAME, HOST),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@forge.org"),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - days(10))
        .not_valid_after(NOW + days(80))
    )
    for extension, is_critical in _extensions(key.public_key()):
        builder = builder.add_extension(extension, is_critical)
    is_bare = isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    return builder.sign(key, None if is_bare else hashes.SHA256()).public_bytes(Encoding.DER)


def _extensions(public: object) -> Iterator[tuple[x509.ExtensionType, bool]]:
    url = x509.UniformResourceIdentifier("http://crl.forge.org/1.crl")
    names: list[x509.GeneralName] = [
        x509.DNSName(HOST),
        x509.DNSName("*.forge.org"),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        x509.RFC822Name("a@forge.org"),
        x509.RegisteredID(ObjectIdentifier("1.2.3.4")),
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])),
        x509.OtherName(ObjectIdentifier("1.3.6.1.5.5.7.8.5"), b"\x0c\x01x"),
        url,
    ]
    notice = x509.UserNotice(x509.NoticeReference("Forge", [1, 2]), "words")
    subtrees: list[x509.GeneralName] = [x509.DNSName("forge.org"), x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))]
    yield x509.SubjectAlternativeName(names), False
    yield x509.BasicConstraints(ca=False, path_length=None), True
    yield x509.KeyUsage(True, False, True, False, False, False, True, False, False), True
    yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False
    yield x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None)]), False
    access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)
    yield x509.AuthorityInformationAccess([access]), False
    yield (
        x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier("2.23.140.1.2.1"), ["http://x", notice])]),
        False,
    )
    yield x509.NameConstraints(subtrees, None), False
    yield x509.TLSFeature([x509.TLSFeatureType.status_request]), False
    yield x509.SubjectKeyIdentifier.from_public_key(public), False  # type: ignore[arg-type]
    yield x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), b"\x04\x02\x00\x00"), False


# Mutations


def mutants(seed: int, count: int) -> Iterator[bytes]:
    """`count` mutated certificates; the same for the same seed, except for the keys and signatures in them."""
    chance = random.Random(seed)
    for _ in range(count):
        der = chance.choice(seeds())
        kind = chance.random()
        if kind < 0.2:
            yield _with_flips(der, chance)
        elif kind < 0.3:
            yield der[: chance.randrange(len(der))] + chance.randbytes(chance.choice((0, 0, 3)))
        else:
            yield _with_changes(der, chance)


def _with_flips(der: bytes, chance: random.Random) -> bytes:
    changed = bytearray(der)
    for _ in range(chance.choice((1, 1, 2, 8, 40))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _with_changes(der: bytes, chance: random.Random) -> bytes:
    (tree,) = taken_apart(der)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        _change(tree, chance)
    return bytes(tree)


def _change(tree: Node, chance: random.Random) -> None:
    nodes = all_nodes(tree)
    node = chance.choice(nodes)
    kind = chance.randrange(8)
    if kind == 0 and len(node.parts) > 1:
        chance.shuffle(node.parts)
    elif kind == 1 and node.parts:
        node.parts.insert(chance.randrange(len(node.parts)), chance.choice(node.parts))
    elif kind == 2 and node.parts:
        node.parts.pop(chance.randrange(len(node.parts)))
    elif kind == 3:
        node.tag = chance.choice(
            (0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x18, 0x1E, 0x30, 0x31, 0xA0, 0xA3, 0x82)
        )
    elif kind == 4:
        _graft(node, chance)
    elif kind == 5:
        _replace_times(tree, chance)
    else:
        leaves = [one for one in nodes if not one.parts]
        chosen = chance.choice(leaves)
        chosen.tag, chosen.value = _fitting(chosen, chance)


def _fitting(node: Node, chance: random.Random) -> tuple[int, bytes]:
    """Most often a special value of the node's own tag, which gets further than one of another."""
    same = [one for one in SPECIAL if one[0] == node.tag]
    return chance.choice(same) if same and chance.random() < 0.7 else chance.choice(SPECIAL)


def _graft(node: Node, chance: random.Random) -> None:
    """A part of another certificate, perhaps nested into itself."""
    (other,) = taken_apart(chance.choice(seeds()))
    piece = chance.choice(all_nodes(other))
    if node.parts:
        node.parts[chance.randrange(len(node.parts))] = piece
    else:
        node.tag, node.value, node.parts, node.prefix = piece.tag, piece.value, list(piece.parts), piece.prefix


def _replace_times(tree: Node, chance: random.Random) -> None:
    for node in all_nodes(tree):
        if node.tag in (0x17, 0x18) and chance.random() < 0.7:
            node.tag, node.value = chance.choice(TIMES)


def judged_at(chance: random.Random) -> datetime.datetime:
    """Now, most often; the ends of the calendar now and then."""
    if chance.random() < 0.9:
        return NOW
    year, month, day = chance.choice(((1, 1, 1), (9999, 12, 31)))
    return datetime.datetime(year, month, day, tzinfo=datetime.UTC)
