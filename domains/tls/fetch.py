"""The chain that a server hands out, asked by a thread that waits for it."""

from dataclasses import dataclass
from typing import Protocol

from config.lib import egress
from domains.tls.client import TlsClient


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


def fetch_chain(host: str, port: int, sni: str, deadline: egress.Deadline) -> ServedChain:
    """Connect to host:port and fetch what is served for `sni`. Blocks; repeatable; verifies nothing.

    Raises egress.Refused, egress.Unreachable, and TlsFailed with tls_none or tls_handshake_failed.
    """
    with egress.open_socket(host, port, deadline) as sock:
        address = str(sock.getpeername()[0])
        served = fetch_chain_over(sock, sni, deadline)
    return ServedChain(served.ders, served.tls_version, served.cipher, address)


def fetch_chain_over(channel: Channel, sni: str, deadline: egress.Deadline) -> ServedChain:
    """The same over a connection that is already there; the caller closes it."""
    client = TlsClient(sni)
    try:
        while not client.handshake():
            _send(channel, client, deadline)
            channel.settimeout(deadline.check())
            client.incoming(channel.recv(16 * 1024))
        client.close()
        _send(channel, client, deadline)
    except TimeoutError:
        raise egress.Unreachable("deadline_exceeded", seconds=round(deadline.seconds, 1)) from None
    except OSError as error:
        client.fail(error)
    return ServedChain(client.served(), client.tls_version, client.cipher)


def _send(channel: Channel, client: TlsClient, deadline: egress.Deadline) -> None:
    if data := client.outgoing():
        channel.settimeout(deadline.check())
        channel.sendall(data)
