"""What visitors of a panel's sites are served: each name what the panel has for it at that moment."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.servers.ca import Issued
from tests.servers.places import private_directory
from tests.servers.tls import listener


@contextmanager
def serving(pem_of: Callable[[str], str], default: Issued, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """The port. `pem_of` tells certificates and key of a name, empty for `default`."""
    fallback = context_of(default.fullchain_pem.decode() + default.key_pem.decode())

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
        pem = pem_of(name or "")
        if pem:
            connection.context = context_of(pem)

    fallback.sni_callback = choose

    def serve(connection: socket.socket) -> None:
        with fallback.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    with listener(serve, address, port) as listening:
        yield listening


def context_of(pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with private_directory("panel-sites") as place:
        (place / "all.pem").write_text(pem)
        context.load_cert_chain(place / "all.pem")
    return context
