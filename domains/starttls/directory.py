"""LDAP: the StartTLS extended operation (RFC 4511, 4.14)."""

from collections.abc import Generator

from domains.starttls.opening import CLEAR_BYTES, NOT_OFFERED, OTHER_PROTOCOL, REFUSED, Refusal, Take, Talk

# LDAPMessage { messageID 1, extendedReq { requestName 1.3.6.1.4.1.1466.20037 } }
_REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
_SEQUENCE, _INTEGER, _ENUMERATED, _OCTETS, _EXTENDED_RESPONSE = 0x30, 0x02, 0x0A, 0x04, 0x78
_SUCCESS, _PROTOCOL_ERROR = 0, 2


def ldap(host: str, us: str) -> Talk:
    yield _REQUEST
    body = yield from _message()
    number, rest = _element(body, _INTEGER)
    response, _ = _element(rest, _EXTENDED_RESPONSE)
    result, rest = _element(response, _ENUMERATED)
    _, rest = _element(rest, _OCTETS)
    words, _ = _element(rest, _OCTETS)
    code = int.from_bytes(result)
    if number != b"\x01":  # Number 0 is a notice of disconnection (4.4.1).
        raise Refusal(REFUSED, words)
    if code == _PROTOCOL_ERROR:  # What 4.14.1 demands of a server that does not know the operation.
        raise Refusal(NOT_OFFERED)
    if code != _SUCCESS:
        raise Refusal(REFUSED, words or f"result code {code}".encode())


def _message() -> Generator[Take, bytes, bytes]:
    """The contents of the one message that comes."""
    tag, length = yield Take(2)
    if tag != _SEQUENCE:
        raise Refusal(OTHER_PROTOCOL)
    if length > 0x80:
        length = int.from_bytes((yield Take(length - 0x80)))
    elif length == 0x80:  # The indefinite form is not allowed in LDAP (5.1).
        raise Refusal(OTHER_PROTOCOL)
    return (yield Take(length)) if length else b""


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """(contents, what follows) of the BER element at the beginning of `data`."""
    if len(data) < 2 or data[0] != tag:
        raise Refusal(OTHER_PROTOCOL)
    start, length = 2, data[1]
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    if length > min(len(data) - start, CLEAR_BYTES):
        raise Refusal(OTHER_PROTOCOL)
    return data[start : start + length], data[start + length :]
