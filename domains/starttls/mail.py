"""Protocols of lines: SMTP (RFC 3207), IMAP (RFC 9051, 6.2.1), POP3 (RFC 2595), FTP (RFC 4217)."""

import re
from collections.abc import Generator

from domains.starttls.opening import NOT_OFFERED, OTHER_PROTOCOL, REFUSED, Line, Refusal, Talk

_REPLY = re.compile(rb"([1-5]\d\d)(?:([ -])(.*))?", re.DOTALL)

type _Reading = Generator[Line, bytes, tuple[bytes, list[bytes]]]


def smtp(host: str, us: str) -> Talk:
    code, lines = yield from _smtp_reply()
    if code != b"220":
        raise Refusal(REFUSED, _words(code, lines))
    yield f"EHLO {us}\r\n".encode()
    code, lines = yield from _smtp_reply()
    if code[:1] == b"5":  # It knows only HELO, and with it no extension.
        raise Refusal(NOT_OFFERED)
    if code != b"250":
        raise Refusal(REFUSED, _words(code, lines))
    if not any(line.upper().split()[:1] == [b"STARTTLS"] for line in lines[1:]):
        raise Refusal(NOT_OFFERED)
    yield b"STARTTLS\r\n"
    code, lines = yield from _smtp_reply()
    if code != b"220":
        raise Refusal(REFUSED, _words(code, lines))


def _smtp_reply() -> _Reading:
    """(code, texts) of a reply whose every line carries the code (RFC 5321, 4.2.1)."""
    code, texts = b"", list[bytes]()
    while True:
        found = _REPLY.fullmatch((yield Line()))
        if not found or code not in (b"", found[1]):
            raise Refusal(OTHER_PROTOCOL)
        code = found[1]
        texts.append(found[3] or b"")
        if found[2] != b"-":
            return code, texts


def ftp(host: str, us: str) -> Talk:
    code, lines = yield from _ftp_reply()
    while code == b"120":  # "Service ready in nnn minutes"; the greeting itself follows.
        code, lines = yield from _ftp_reply()
    if code != b"220":
        raise Refusal(REFUSED, _words(code, lines))
    yield b"AUTH TLS\r\n"
    code, lines = yield from _ftp_reply()
    # 530: vsftpd without TLS takes no command but USER and PASS before the login.
    if code in (b"500", b"502", b"504", b"530"):
        raise Refusal(NOT_OFFERED)
    if code != b"234":
        raise Refusal(REFUSED, _words(code, lines))


def _ftp_reply() -> _Reading:
    """(code, texts) of a reply whose inner lines may say anything (RFC 959, 4.2)."""
    first = yield Line()
    found = _REPLY.fullmatch(first)
    if not found:
        raise Refusal(OTHER_PROTOCOL)
    code, texts = found[1], [found[3] or b""]
    is_last = found[2] != b"-"
    while not is_last:
        line = yield Line()
        is_last = line == code or line.startswith(code + b" ")
        texts.append(line[4:] if is_last else line)
    return code, texts


def imap(host: str, us: str) -> Talk:
    yield from _imap_greeting()
    yield b"a1 STARTTLS\r\n"
    word, rest = b"*", b""
    while word == b"*" and rest[:3].upper() != b"BYE":
        word, _, rest = (yield Line()).partition(b" ")
    verdict, _, words = rest.partition(b" ")
    if word == b"*" or (word, verdict.upper()) == (b"a1", b"NO"):
        raise Refusal(REFUSED, words)
    if (word, verdict.upper()) == (b"a1", b"BAD"):  # A command that it does not know.
        raise Refusal(NOT_OFFERED)
    if (word, verdict.upper()) != (b"a1", b"OK"):
        raise Refusal(OTHER_PROTOCOL)


def _imap_greeting() -> Generator[Line, bytes, None]:
    star, _, greeting = (yield Line()).partition(b" ")
    word, _, words = greeting.partition(b" ")
    if star != b"*" or word.upper() not in (b"OK", b"BYE", b"PREAUTH"):
        raise Refusal(OTHER_PROTOCOL)
    if word.upper() == b"BYE":
        raise Refusal(REFUSED, words)
    if word.upper() == b"PREAUTH":  # Who is known already may not begin TLS any more.
        raise Refusal(NOT_OFFERED)


def pop3(host: str, us: str) -> Talk:
    greeting = yield Line()
    if greeting.startswith(b"-ERR"):
        raise Refusal(REFUSED, greeting[4:])
    if not greeting.startswith(b"+OK"):
        raise Refusal(OTHER_PROTOCOL)
    yield b"CAPA\r\n"
    # A server without CAPA (RFC 2449) may know STLS all the same.
    if (yield Line()).startswith(b"+OK"):
        capabilities = list[bytes]()
        while (line := (yield Line())) != b".":
            capabilities.append(line.upper().strip())
        if b"STLS" not in capabilities:
            raise Refusal(NOT_OFFERED)
    yield b"STLS\r\n"
    answer = yield Line()
    if not answer.startswith(b"+OK"):
        raise Refusal(REFUSED, answer.removeprefix(b"-ERR"))


def _words(code: bytes, texts: list[bytes]) -> bytes:
    return b" ".join((code, *texts))
