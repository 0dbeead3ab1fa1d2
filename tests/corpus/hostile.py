"""Servers that mean no good: in the words before TLS, in the handshake, and in the page after it."""

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.corpus.asking import FTP, IMAP, POP3, SMTP, XMPP, mysql_greeting
from tests.corpus.manners import GOOD
from tests.corpus.serving import Handler, answers, asks_first

DEADLINE = "deadline_exceeded"
NO_TLS, BROKEN = "tls_none", "tls_handshake_failed"
CLEAR, LONG, OTHER = "starttls_in_clear", "starttls_too_long", "starttls_other_protocol"
TIMEOUT, REFUSED, CLOSED = "starttls_timeout", "starttls_refused", "starttls_closed"


@dataclass(frozen=True)
class Hostile:
    """How its visit ends; `status` is that of the front page, asked for where there is no opener."""

    serve: Handler
    outcome: str
    protocol: str = "tls"
    status: int | None = None


def then_pours(talk: Iterable[bytes | str | int], data: bytes) -> Handler:
    """`data` again and again, for as long as anybody takes it."""
    return asks_first((*talk, *itertools.repeat(data, 4_000)), None)


def then_drips(talk: Iterable[bytes | str | int], data: bytes) -> Handler:
    """A byte of `data` every 50 ms, without end."""
    before = asks_first(talk, None, leaves=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await before(reader, writer)
        for byte in itertools.cycle(data):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    return serve


def then_leaves(talk: Iterable[bytes | str | int]) -> Handler:
    return asks_first(talk, None, leaves=True)


def then_resets(talk: Iterable[bytes | str | int]) -> Handler:
    before = asks_first(talk, None, leaves=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await before(reader, writer)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    return serve


def says(*talk: bytes | str | int) -> Handler:
    return asks_first(talk, None)


def record(kind: int, body: bytes, version: bytes = b"\x03\x03") -> bytes:
    return bytes([kind]) + version + len(body).to_bytes(2, "big") + body


_SMTP_READY = SMTP[:4]
_HALF_HELLO = record(22, b"\x02\0\0\x50\x03\x03" + b"a" * 20)

BEFORE_TLS = {
    "SMTP: a greeting without end": Hostile(then_pours((), b"220-and on\r\n" * 300), LONG, "smtp"),
    "SMTP: a greeting that drips": Hostile(then_drips((), b"220-and on and on"), TIMEOUT, "smtp"),
    "SMTP: a line of a megabyte": Hostile(says(b"220 " + b"x" * 1_000_000), LONG, "smtp"),
    "SMTP: silence": Hostile(says(), TIMEOUT, "smtp"),
    "SMTP: binary": Hostile(says(b"\0\1\2\3\n"), OTHER, "smtp"),
    "SMTP: the code changes within the greeting": Hostile(says(b"220-a\r\n250 b\r\n"), OTHER, "smtp"),
    "SMTP: extensions without end": Hostile(then_pours(SMTP[:2], b"250-X-AGAIN\r\n" * 300), LONG, "smtp"),
    "SMTP: hangs up after EHLO": Hostile(then_leaves(SMTP[:2]), CLOSED, "smtp"),
    "SMTP: resets after EHLO": Hostile(then_resets(SMTP[:2]), CLOSED, "smtp"),
    "SMTP: half a go-ahead": Hostile(says(*_SMTP_READY, b"220 go"), TIMEOUT, "smtp"),
    "SMTP: a go-ahead with a reply slipped in": Hostile(says(*SMTP[:4], b"220 go\r\n250 ok\r\n"), CLEAR, "smtp"),
    "SMTP: a go-ahead with a hello slipped in": Hostile(says(*SMTP[:4], b"220 go\r\n" + _HALF_HELLO), CLEAR, "smtp"),
    "SMTP: garbage after the go-ahead": Hostile(says(*SMTP, 1, b"250 not TLS\r\n"), CLEAR, "smtp"),
    "SMTP: silence after the go-ahead": Hostile(says(*SMTP), DEADLINE, "smtp"),
    "SMTP: hangs up after the go-ahead": Hostile(then_leaves((*SMTP, 1)), BROKEN, "smtp"),
    "SMTP: half a handshake after the go-ahead": Hostile(says(*SMTP, 1, _HALF_HELLO), DEADLINE, "smtp"),
    "SMTP: says all of it unasked": Hostile(says(b"220 a\r\n250-b\r\n250 STARTTLS\r\n220 go\r\n"), DEADLINE, "smtp"),
    "SMTP: an answer full of controls": Hostile(says(b"554 \x1b[2J\0\xff\x7f no\r\n"), REFUSED, "smtp"),
    "IMAP: a literal bomb": Hostile(then_pours((b"* OK {4294967295}\r\n",), b"y" * 8_000), LONG, "imap"),
    "IMAP: news without end": Hostile(then_pours(IMAP[:2], b"* 1 EXISTS\r\n" * 300), LONG, "imap"),
    "IMAP: the tag of somebody else": Hostile(says(*IMAP[:2], b"a2 OK\r\n"), OTHER, "imap"),
    "IMAP: an empty line": Hostile(says(b"\r\n"), OTHER, "imap"),
    "IMAP: a word slipped in": Hostile(says(*IMAP[:2], b"a1 OK\r\n* PREAUTH\r\n"), CLEAR, "imap"),
    "POP3: capabilities without end": Hostile(then_pours((*POP3[:2], b"+OK\r\n"), b"TOP\r\n" * 300), LONG, "pop3"),
    "FTP: always ready in a minute": Hostile(then_pours((), b"120 soon\r\n" * 300), LONG, "ftp"),
    "FTP: a reply that never closes": Hostile(then_pours((b"220-hi\r\n",), b" 220\r\n" * 300), LONG, "ftp"),
    "FTP: a reply slipped in": Hostile(says(*FTP[:2], b"234 go\r\n230 in\r\n"), CLEAR, "ftp"),
    "LDAP: four gigabytes announced": Hostile(says(31, b"\x30\x84\xff\xff\xff\xff" + b"x" * 500), LONG, "ldap"),
    "LDAP: a length of 127 bytes": Hostile(says(31, b"\x30\xff" + b"\xff" * 200), LONG, "ldap"),
    "LDAP: an endless form": Hostile(says(31, b"\x30\x80\x02\x01\x01"), OTHER, "ldap"),
    "LDAP: a part longer than the whole": Hostile(says(31, b"\x30\x05\x02\x01\x01\x78\x7f"), OTHER, "ldap"),
    "LDAP: an empty message": Hostile(says(31, b"\x30\0"), OTHER, "ldap"),
    "LDAP: a notice of disconnection": Hostile(
        says(31, b"\x30\x0c\x02\x01\0\x78\x07\x0a\x01\x34\x04\0\x04\0"), REFUSED, "ldap"
    ),
    "XMPP: features without end": Hostile(then_pours(XMPP[:2], b"<f/>" * 1_000), LONG, "xmpp_client"),
    "XMPP: a comment without end": Hostile(then_pours(("'>", b"<!--"), b"-" * 4_000), LONG, "xmpp_client"),
    "XMPP: entities that grow": Hostile(
        says("'>", b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a '" + b"&b;" * 900 + b"'>]>&a;"),
        TIMEOUT,
        "xmpp_server",
    ),
    "XMPP: a stanza slipped in": Hostile(
        says(*XMPP[:4], b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><iq/>"), CLEAR, "xmpp_client"
    ),
    "PostgreSQL: an error without end": Hostile(then_pours((8, b"E"), b"x" * 4_000), REFUSED, "postgres"),
    "PostgreSQL: more than its one byte": Hostile(says(8, b"SR\0\0\0\x08\0\0\0\0"), CLEAR, "postgres"),
    "PostgreSQL: silence": Hostile(says(8), TIMEOUT, "postgres"),
    "MySQL: sixteen megabytes announced": Hostile(then_pours((b"\xff\xff\xff\0",), b"x" * 8_000), LONG, "mysql"),
    "MySQL: a version without end": Hostile(says(b"\x40\0\0\0\x0a" + b"8" * 63), OTHER, "mysql"),
    "MySQL: cut off in the middle": Hostile(says(mysql_greeting(b"\xff\xff")[:30]), TIMEOUT, "mysql"),
    "MySQL: cut off after the version": Hostile(says(b"\x08\0\0\0\x0a8.4.0\0\x01"), OTHER, "mysql"),
    "MySQL: out of sequence": Hostile(says(b"\x08\0\0\x07\x0a8.4.0\0\x01"), OTHER, "mysql"),
    "MySQL: an empty packet": Hostile(says(b"\0\0\0\0"), OTHER, "mysql"),
    "MySQL: two greetings": Hostile(says(mysql_greeting(b"\xff\xff") * 2), CLEAR, "mysql"),
}

IN_THE_HANDSHAKE = {
    "closes after the hello": Hostile(then_leaves((1,)), BROKEN),
    "resets after the hello": Hostile(then_resets((1,)), BROKEN),
    "never answers": Hostile(says(), DEADLINE),
    "zero bytes": Hostile(says(1, bytes(64)), NO_TLS),
    "a record of garbage": Hostile(says(1, record(22, b"\xff" * 40)), BROKEN),
    "a record too long": Hostile(says(1, b"\x16\x03\x03\xff\xff" + b"x" * 70_000), BROKEN),
    "a truncated record": Hostile(says(1, b"\x16\x03\x03\x40\0abc"), DEADLINE),
    "half a server hello": Hostile(says(1, _HALF_HELLO), DEADLINE),
    "a huge handshake message": Hostile(then_pours((1,), record(22, b"\x0b\xff\xff\xff" + b"x" * 16_000)), BROKEN),
    "drips a byte at a time": Hostile(then_drips((1,), _HALF_HELLO), DEADLINE),
    "pours empty records": Hostile(then_pours((1,), record(22, b"") * 50), BROKEN),
    "pours warnings": Hostile(then_pours((1,), record(21, b"\x01\x5a") * 50), BROKEN),
    "application data at once": Hostile(says(1, record(23, b"x" * 100)), NO_TLS),
}


def _page(status: int | None, pieces: Callable[[], Iterable[bytes]], pause: float = 0) -> Hostile:
    return Hostile(answers(GOOD, pieces, pause), "", status=status)


_OK = b"HTTP/1.1 200 OK\r\n"
_GZIP_BOMB = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\xec\xc1\x01\x01\0\0\0\x80\x90\xfe\xaf\xee\x08\n" * 500

IN_THE_PAGE = {
    "headers without end": _page(None, lambda: (_OK, *itertools.repeat(b"X-A: b\r\n" * 500, 4_000))),
    "a header of a megabyte": _page(None, lambda: (_OK, b"X: " + b"x" * 1_000_000)),
    "a head that drips": _page(None, lambda: (bytes([one]) for one in itertools.cycle(_OK)), 0.05),
    "a status line without end": _page(None, lambda: (b"HTTP/1.1 200 ", *itertools.repeat(b"O" * 4_000, 500))),
    "interim answers without end": _page(None, lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 4_000)),
    "a body without end": _page(200, lambda: itertools.chain((_OK + b"\r\n",), itertools.repeat(b"x" * 8_000, 4_000))),
    "a gzip bomb": _page(200, lambda: (_OK + b"Content-Encoding: gzip\r\n\r\n", *itertools.repeat(_GZIP_BOMB, 200))),
    "bad chunks": _page(200, lambda: (_OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", b"x" * 8_000)),
    "two lengths": _page(200, lambda: (_OK + b"Content-Length: 1\r\nContent-Length: 99\r\n\r\nx",)),
    "HTTP/0.9": _page(None, lambda: (b"<html>hello</html>",)),
    "garbage": _page(None, lambda: (b"\xfe\xed" * 2_000,)),
    "silence": _page(None, lambda: ()),
}

HOSTILE: dict[str, Hostile] = {**BEFORE_TLS, **IN_THE_HANDSHAKE, **IN_THE_PAGE}
