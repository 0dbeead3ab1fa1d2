"""Sockets that a slow or talkative peer cannot hold: every read and write asks the deadline.

Libraries that are handed such a socket (smtplib, httpcore) may set whatever timeout they like.
"""

import hashlib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from .deadline import Deadline
from .refusals import Refused, Unreachable


class _Bounded:
    """Mixed into a socket class; without a `deadline` (the handshake) the plain timeout rules."""

    deadline: Deadline | None = None
    # Bytes that may still be read, None without a limit.
    allowance: int | None = None
    settimeout: Callable[[float | None], None]

    @contextmanager
    def _timed(self) -> Iterator[None]:
        if self.deadline is None:
            yield
            return
        self.settimeout(self.deadline.check())
        try:
            yield
        except TimeoutError as problem:
            # Not an OSError any more: libraries would take it for a lost connection.
            raise self.deadline.exceeded() from problem

    def _counted(self, count: int) -> None:
        if self.allowance is None:
            return
        self.allowance -= count
        if self.allowance < 0:
            raise Unreachable("too_large")


class BoundedSocket(_Bounded, socket.socket):
    def recv(self, *args: Any) -> bytes:
        with self._timed():
            received = super().recv(*args)
        self._counted(len(received))
        return received

    def recv_into(self, *args: Any) -> int:
        with self._timed():
            count = super().recv_into(*args)
        self._counted(count)
        return count

    def send(self, *args: Any) -> int:
        with self._timed():
            return super().send(*args)

    def sendall(self, *args: Any) -> None:
        # One call of socket.sendall keeps to one timeout over all of its writes.
        with self._timed():
            super().sendall(*args)


class BoundedTLSSocket(_Bounded, ssl.SSLSocket):
    # recv and recv_into end in read(), sendall in one send() per piece.
    def read(self, *args: Any) -> Any:
        with self._timed():
            received: Any = super().read(*args)
        self._counted(received if isinstance(received, int) else len(received))
        return received

    def send(self, *args: Any) -> int:
        with self._timed():
            return super().send(*args)


def bound(sock: socket.socket, deadline: Deadline, allowance: int | None = None) -> BoundedSocket:
    """Takes over the connected `sock`, which must not be used any more."""
    bounded = BoundedSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
    bounded.deadline, bounded.allowance = deadline, allowance
    bounded.settimeout(deadline.left())
    return bounded


def start_tls(
    sock: socket.socket, context: ssl.SSLContext, host: str, deadline: Deadline, *, pinned: str = ""
) -> BoundedTLSSocket:
    """The verified TLS handshake with `host` over `sock`; raises Unreachable("tls_failed").

    `context` comes from `client_context`, which makes it give bounded sockets. With `pinned`, the SHA-256 of the one
    certificate that is accepted, it comes from `pinned_context`; another one raises Refused("tls_other_certificate").
    """
    allowance = sock.allowance if isinstance(sock, _Bounded) else None
    sock.settimeout(deadline.check())
    try:
        secured = cast(BoundedTLSSocket, context.wrap_socket(sock, server_hostname=host))
    except TimeoutError as problem:
        raise deadline.exceeded() from problem
    except OSError as problem:
        raise Unreachable("tls_failed", host=host, reason=_reason(problem)) from problem
    if pinned:
        _require_pinned(secured, host, pinned)
    secured.deadline, secured.allowance = deadline, allowance
    return secured


def _require_pinned(secured: ssl.SSLSocket, host: str, pinned: str) -> None:
    seen = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
    if seen != pinned:
        secured.close()
        raise Refused("tls_other_certificate", host=host, expected=pinned, seen=seen)


def _reason(problem: OSError) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return problem.verify_message
    if isinstance(problem, ssl.SSLError):
        return (problem.reason or "handshake failed").lower().replace("_", " ")
    return "the connection was closed during the handshake"
