"""The chain that a server hands out, asked by a thread that waits for it."""

from dataclasses import dataclass
from typing import Protocol

from config.lib import egress
from domains.starttls import Opener, Opening, our_name
from domains.tls.client import TlsClient

_READ = 16 * 1024


@dataclass(frozen=True)
class ServedChain:
    """`ders` leaf first, as sent; `address` is empty over somebody else's channel."""

    ders: tuple[bytes, ...]
    tls_version: str
    cipher: str
    address: str = ""


class Channel(Protocol):
    """What a socket and an SSH channel have in common."""

    def settimeout(self, timeout: float, /) -> object: ...
    def sendall(self, data: bytes, /) -> object: ...
    def recv(self, nbytes: int, /) -> bytes: ...


def fetch_chain(
    host: str, port: int, sni: str, deadline: egress.Deadline, *, opener: Opener | None = None, us: str = "localhost"
) -> ServedChain:
    """Connect to host:port and fetch what is served for `sni`. Blocks; repeatable; verifies nothing.

    `opener` and `us` as for `visit_many`. Raises egress.Refused, egress.Unreachable, NotOpened with a
    starttls_… code, and TlsFailed with tls_none or tls_handshake_failed.
    """
    with egress.open_socket(host, port, deadline) as sock:
        address = str(sock.getpeername()[0])
        served = fetch_chain_over(sock, sni, deadline, opener=opener, us=us)
    return ServedChain(served.ders, served.tls_version, served.cipher, address)


def fetch_chain_over(
    channel: Channel, sni: str, deadline: egress.Deadline, *, opener: Opener | None = None, us: str = "localhost"
) -> ServedChain:
    """The same over a connection that is already there; the caller closes it."""
    opening = Opening(opener, sni, our_name(us)) if opener else None
    if opening:
        _open(channel, opening, deadline)
    client = TlsClient(sni, opening=opening)
    try:
        while not client.handshake():
            _send(channel, client.outgoing(), deadline)
            channel.settimeout(deadline.check())
            client.incoming(channel.recv(_READ))
        client.close()
        _send(channel, client.outgoing(), deadline)
    except TimeoutError:
        raise egress.Unreachable("deadline_exceeded", seconds=round(deadline.seconds, 1)) from None
    except OSError as error:
        client.fail(error)
    return ServedChain(client.served(), client.tls_version, client.cipher)


def _open(channel: Channel, opening: Opening, deadline: egress.Deadline) -> None:
    try:
        while True:
            _send(channel, opening.outgoing(), deadline)
            if opening.is_open:
                return
            channel.settimeout(deadline.check())
            opening.incoming(channel.recv(_READ))
    except OSError as error:
        opening.broken(error, deadline.seconds)


def _send(channel: Channel, data: bytes, deadline: egress.Deadline) -> None:
    if data:
        channel.settimeout(deadline.check())
        channel.sendall(data)
