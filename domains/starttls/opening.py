"""The talk before TLS begins, driven over a buffer: caps, reads and failures are the same for every protocol.

A protocol is a generator, a `Talk`: it yields what it wants to send (bytes) or to read (Line, Take,
Until), gets what it asked for, and returns when the server has let TLS begin.
"""

import ipaddress
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, NoReturn

from config.lib.errors import Transient
from config.lib.x509 import clean

# The longest honest greeting we know, XMPP features or an EHLO with every extension, is under 4 KB.
CLEAR_BYTES = 32 * 1024
LINE_BYTES = 4 * 1024
# How far back a mark may begin: a byte that drips in must not cost a search through all that came.
_MARK_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A line, answered without its end."""


@dataclass(frozen=True, slots=True)
class Take:
    """Exactly `count` bytes."""

    count: int


@dataclass(frozen=True, slots=True)
class Until:
    """Everything up to the end of what `mark` matches, which is at most 1 KB long."""

    mark: re.Pattern[bytes]


type Talk = Generator[bytes | Line | Take | Until, bytes, None]
# What both sides are called: the host as asked for, and ourselves.
type Script = Callable[[str, str], Talk]


@dataclass(frozen=True, slots=True)
class Opener:
    """How one protocol changes over to TLS; `label` is its name for people."""

    label: str
    script: Script


class NotOpened(Transient):
    """TLS did not begin: starttls_not_offered, starttls_refused, starttls_other_protocol, starttls_too_long,
    starttls_in_clear, starttls_closed, starttls_timeout."""


class Refusal(Exception):
    """Raised by a script: the code's last part, and the server's own words where they can be shown."""

    def __init__(self, code: str, answer: bytes = b"") -> None:
        super().__init__(code)
        self.code = code
        self.answer = answer


NOT_OFFERED, REFUSED, OTHER_PROTOCOL = "not_offered", "refused", "other_protocol"
IN_CLEAR, TOO_LONG = "in_clear", "too_long"


class Opening:
    """One talk. Send what `outgoing` answers, feed what comes to `incoming`, until `is_open`.

    All methods raise NotOpened. Never asks for TLS twice, never sends a part of a command.
    """

    def __init__(self, opener: Opener, host: str, us: str) -> None:
        self._label = opener.label
        self._host = host
        self._talk = opener.script(host, us)
        self._wanted: Line | Take | Until = Take(0)
        self._buffer = bytearray()
        self._seen = 0
        self._searched = 0
        self._sending = bytearray()
        self.is_open = False
        self._go_on(None)

    def outgoing(self) -> bytes:
        """What has to be sent now, perhaps nothing."""
        data = bytes(self._sending)
        self._sending.clear()
        return data

    def incoming(self, data: bytes) -> None:
        """Bytes from the server, b"" for its end."""
        if not data:
            self.fail("closed")
        self._seen += len(data)
        if self._seen > CLEAR_BYTES:
            self.fail(TOO_LONG, most=CLEAR_BYTES // 1024)
        self._buffer += data
        while not self.is_open and (found := self._read()) is not None:
            self._go_on(found)
        # What follows the go-ahead in clear was perhaps put there by somebody on the way, who wants it to be
        # taken for what came over TLS (CVE-2011-0411, CVE-2021-23222).
        if self.is_open and self._buffer:
            self.fail(IN_CLEAR)

    def fail(self, code: str, **params: Any) -> NoReturn:
        """Give up; `code` without its prefix."""
        raise NotOpened(f"starttls_{code}", host=self._host, protocol=self._label, **params) from None

    def broken(self, error: OSError, seconds: float) -> NoReturn:
        """Give up for a transport's error, or because `seconds` are over."""
        if isinstance(error, TimeoutError):
            self.fail("timeout", seconds=round(seconds, 1))
        self.fail("closed")

    def _go_on(self, found: bytes | None) -> None:
        """Let the script run until it wants to read, or is through."""
        try:
            wanted = next(self._talk) if found is None else self._talk.send(found)
            while isinstance(wanted, bytes):
                self._sending += wanted
                wanted = next(self._talk)
        except StopIteration:
            self.is_open = True
        except Refusal as refusal:
            self._refused(refusal)
        else:
            self._wanted, self._searched = wanted, 0

    def _refused(self, refusal: Refusal) -> NoReturn:
        if refusal.code != REFUSED:
            self.fail(refusal.code)
        answer = refusal.answer.decode("utf-8", "replace").strip()
        self.fail(REFUSED, answer=clean(answer, 200) or "no reason given")

    def _read(self) -> bytes | None:
        match self._wanted:
            case Line():
                return self._line()
            case Take(count):
                if count > CLEAR_BYTES:
                    self.fail(TOO_LONG, most=CLEAR_BYTES // 1024)
                return self._cut(count) if len(self._buffer) >= count else None
            case Until(mark):
                found = mark.search(self._buffer, max(0, self._searched - _MARK_BYTES))
                self._searched = len(self._buffer)
                return self._cut(found.end()) if found else None

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        self._searched = len(self._buffer)
        if (len(self._buffer) if end < 0 else end) > LINE_BYTES:
            self.fail(TOO_LONG, most=LINE_BYTES // 1024)
        return self._cut(end + 1).rstrip(b"\r\n") if end >= 0 else None

    def _cut(self, count: int) -> bytes:
        piece = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._searched = 0
        return piece


def our_name(host: str) -> str:
    """What to call ourselves: a name, or an address as SMTP writes it (RFC 5321, 4.1.3)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or "localhost"
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
