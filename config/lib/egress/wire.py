"""DNS messages for the one question that every connection asks: the addresses of a name.

dnspython builds an object per name, record and set; for a visit that costs twice what the TLS handshake
does. Here a question is made and its reply read from the bytes (RFC 1035 4.1). Everything else
about the DNS stays with dnspython, which a test compares this with.
"""

import socket
import struct
from dataclasses import dataclass

A, CNAME, AAAA = 1, 5, 28
_IN = 1
NOERROR, NXDOMAIN = 0, 3

_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_RECURSION_DESIRED = 0x0100
_IS_REPLY, _IS_TRUNCATED = 0x8000, 0x0200
# EDNS with 1232 bytes (RFC 6891): fits into one packet on every path.
_OPT = b"\x00" + struct.pack("!HHIH", 41, 1232, 0, 0)
_MAX_ALIASES = 8


class Malformed(ValueError):
    """Not a DNS message, or one that contradicts itself."""


@dataclass(frozen=True)
class Reply:
    """`addresses` are those that `name` leads to within the reply, through its CNAMEs."""

    ident: int
    name: str
    rdtype: int
    rcode: int
    is_truncated: bool
    addresses: list[str]


def make_question(name: str, rdtype: int, ident: int) -> bytes:
    """`name` is lower-case ASCII without the final dot, its labels already checked."""
    labels = b"".join(bytes((len(label),)) + label for label in name.encode("ascii").split(b"."))
    header = _HEADER.pack(ident, _RECURSION_DESIRED, 1, 0, 0, 1)
    return header + labels + b"\x00" + _QUESTION.pack(rdtype, _IN) + _OPT


def read_reply(wire: bytes) -> Reply:
    """Raises Malformed. Whether the reply answers what was asked is the caller's to compare."""
    try:
        ident, flags, questions, answers, _, _ = _HEADER.unpack_from(wire)
        if not flags & _IS_REPLY or questions != 1:
            raise Malformed
        name, at = _read_name(wire, _HEADER.size)
        rdtype, rdclass = _QUESTION.unpack_from(wire, at)
        if rdclass != _IN:
            raise Malformed
        addresses = _read_addresses(wire, at + _QUESTION.size, answers, name, rdtype)
    except (struct.error, IndexError) as problem:
        raise Malformed from problem
    return Reply(ident, name, rdtype, flags & 0x000F, bool(flags & _IS_TRUNCATED), addresses)


def _read_addresses(wire: bytes, at: int, count: int, name: str, rdtype: int) -> list[str]:
    aliases: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for _ in range(count):
        owner, at = _read_name(wire, at)
        kind, rdclass, _, length = _RECORD.unpack_from(wire, at)
        start, at = at + _RECORD.size, at + _RECORD.size + length
        if at > len(wire):
            raise Malformed
        if rdclass == _IN and kind == CNAME:
            aliases[owner] = _read_name(wire, start)[0]
        elif rdclass == _IN and kind == rdtype:
            found.setdefault(owner, []).append(_address(wire[start:at], rdtype))
    for _ in range(_MAX_ALIASES):
        if name in found or name not in aliases:
            break
        name = aliases[name]
    return found.get(name, [])


def _address(data: bytes, rdtype: int) -> str:
    family, size = (socket.AF_INET, 4) if rdtype == A else (socket.AF_INET6, 16)
    if len(data) != size:
        raise Malformed
    return socket.inet_ntop(family, data)


def _read_name(wire: bytes, at: int) -> tuple[str, int]:
    """(the name in lower case, where the next field begins). A pointer must lead further back each time."""
    labels: list[bytes] = []
    after, barrier, size = 0, at, 0
    while length := wire[at]:
        if length & 0xC0 == 0xC0:
            after = after or at + 2
            at = (length & 0x3F) << 8 | wire[at + 1]
            if at >= barrier:
                raise Malformed
            barrier = at
            continue
        size += length + 1
        if length > 63 or size > 254 or at + 1 + length > len(wire):
            raise Malformed
        labels.append(wire[at + 1 : at + 1 + length])
        at += 1 + length
    return b".".join(labels).lower().decode("latin-1"), after or at + 1
