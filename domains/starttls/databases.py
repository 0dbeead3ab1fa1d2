"""PostgreSQL's and MySQL's (and MariaDB's) requests for TLS."""

import struct

from domains.starttls.opening import NOT_OFFERED, OTHER_PROTOCOL, REFUSED, Refusal, Take, Talk

# Length 8, then the number that the protocol reserves for SSLRequest.
_SSL_REQUEST = struct.pack(">ii", 8, 80877103)

_PROTOCOL_41, _SSL, _SECURE_CONNECTION = 0x0200, 0x0800, 0x8000
_LARGEST_PACKET, _UTF8MB4 = 1 << 24, 45
_PROTOCOL_10, _ERROR = 0x0A, 0xFF


def postgres(host: str, us: str) -> Talk:
    yield _SSL_REQUEST
    answer = yield Take(1)
    if answer == b"N":
        raise Refusal(NOT_OFFERED)
    if answer == b"E":
        # Its text comes from whoever answers in clear, and PostgreSQL's own client shows none of it either
        # (CVE-2024-10977).
        raise Refusal(REFUSED)
    if answer != b"S":
        raise Refusal(OTHER_PROTOCOL)


def mysql(host: str, us: str) -> Talk:
    """The server speaks first, and after the request it says nothing more in clear: TLS begins at once."""
    header = yield Take(4)
    if header[3] != 0:
        raise Refusal(OTHER_PROTOCOL)
    greeting = yield Take(int.from_bytes(header[:3], "little"))
    if greeting[:1] == bytes([_ERROR]):  # Too many connections, a blocked host, …
        raise Refusal(REFUSED, greeting[3:])
    if greeting[:1] != bytes([_PROTOCOL_10]):
        raise Refusal(OTHER_PROTOCOL)
    _, end, rest = greeting[1:].partition(b"\0")
    # Thread id (4), scramble (8), filler (1), then the lower half of the capabilities.
    if not end or len(rest) < 15:
        raise Refusal(OTHER_PROTOCOL)
    if not int.from_bytes(rest[13:15], "little") & _SSL:
        raise Refusal(NOT_OFFERED)
    body = struct.pack("<IIB23x", _PROTOCOL_41 | _SSL | _SECURE_CONNECTION, _LARGEST_PACKET, _UTF8MB4)
    yield len(body).to_bytes(3, "little") + b"\x01" + body
