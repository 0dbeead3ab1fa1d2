"""httpcore over judged, bounded sockets: what `http` and `acme_session` share."""

import re
import select
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore

from config.lib.errors import NeedsUser

from .bounded import BoundedSocket, BoundedTLSSocket, bound, start_tls
from .connect import open_socket
from .deadline import Deadline
from .hostname import parse_host

_PORTS = {"http": 80, "https": 443}
# What a URL may consist of (RFC 3986); everything else arrives percent-encoded or not at all.
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,4096}")


@dataclass(frozen=True)
class Address:
    """An absolute http(s) URL taken apart by our own grammar; the fragment is dropped."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_header}{self.target}"

    def for_httpcore(self) -> httpcore.URL:
        return httpcore.URL(
            scheme=self.scheme.encode(), host=self.host.encode(), port=self.port, target=self.target.encode()
        )


def parse_url(url: str) -> Address:
    """Raises NeedsUser("url_malformed") for all but plain http(s) URLs without user or password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NeedsUser("url_malformed") from None
    if not _URL.fullmatch(url) or parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        raise NeedsUser("url_malformed")
    return Address(
        scheme=parts.scheme,
        host=parse_host(_host_part(parts)),
        port=_PORTS[parts.scheme] if port is None else port,
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )


def _host_part(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host


class Wire(httpcore.NetworkBackend):
    """Opens the pool's connections; `deadline` is the one of the request under way.

    Each connection may bring at most `allowance` bytes; `family` (4 or 6) leaves out the host's other addresses;
    `pinned` is the one certificate that is talked to.
    """

    def __init__(
        self, deadline: Deadline, *, allowance: int | None = None, family: int | None = None, pinned: str = ""
    ) -> None:
        self.deadline = deadline
        self.has_written = False
        self.pinned = pinned
        self._allowance = allowance
        self._family = family

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        sock = open_socket(host, port, self.deadline, family=self._family)
        return _Stream(bound(sock, self.deadline, self._allowance), self)


class _Stream(httpcore.NetworkStream):
    def __init__(self, sock: BoundedSocket | BoundedTLSSocket, wire: Wire) -> None:
        self._sock = sock
        self._wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._sock.recv(max_bytes)
        except OSError as problem:
            raise httpcore.ReadError from problem

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # A kept connection begins each request with a write.
        self._sock.deadline = self._wire.deadline
        # Also when it fails: what the other side has of it, nobody knows.
        self._wire.has_written = True
        try:
            self._sock.sendall(buffer)
        except OSError as problem:
            raise httpcore.WriteError from problem

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            secured = start_tls(
                self._sock, ssl_context, server_hostname or "", self._wire.deadline, pinned=self._wire.pinned
            )
        except BaseException:
            self.close()
            raise
        return _Stream(secured, self._wire)

    def close(self) -> None:
        self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return _is_readable(self._sock)
        if info == "peer_certificate" and isinstance(self._sock, BoundedTLSSocket):
            return self._sock.getpeercert(binary_form=True)
        return None


def _is_readable(sock: BoundedSocket | BoundedTLSSocket) -> bool:
    """Data or an end on an idle connection: it is not to be used again."""
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
