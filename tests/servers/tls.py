"""TLS servers on loopback that serve one certificate, and servers that misbehave on purpose."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import load_der_x509_certificate

from tests.servers.places import private_directory

type Serve = Callable[[socket.socket], None]

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@contextmanager
def listener(serve: Serve, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Call `serve` in a thread of its own for each connection; yields the port."""
    with closing(socket.create_server((address, port), backlog=512)) as server:
        stopping = threading.Event()

        def accept() -> None:
            while not stopping.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=_guarded, args=(serve, connection), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stopping.set()
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join(2)


def _guarded(serve: Serve, connection: socket.socket) -> None:
    with closing(connection), suppress(OSError, ValueError):
        connection.settimeout(30)
        serve(connection)


def server_context(ders: Sequence[bytes], key_pem: bytes) -> ssl.SSLContext:
    """A server side that sends exactly these certificates, in this order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    add_certificate(context, ders, key_pem)
    return context


def add_certificate(context: ssl.SSLContext, ders: Sequence[bytes], key_pem: bytes) -> None:
    """One more, for a key of another kind."""
    with private_directory("tls") as place:
        context.load_cert_chain(_written(place, ders), _keyed(place, key_pem))


def _written(place: Path, ders: Sequence[bytes]) -> Path:
    path = place / "chain.pem"
    path.write_bytes(b"".join(load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in ders))
    return path


def _keyed(place: Path, key_pem: bytes) -> Path:
    path = place / "key.pem"
    key = load_pem_private_key(key_pem, None)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@contextmanager
def tls_server(context: ssl.SSLContext, answer: bytes = PAGE) -> Iterator[int]:
    """Handshake, read one request, send `answer`; yields the port."""

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(4096)
            secured.sendall(answer)

    with listener(serve) as port:
        yield port
