"""A bare TCP listener: a canary that counts who comes, or a peer with the manners of a script."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.servers.ports import wait_until

type Script = Callable[[socket.socket], None]


class Listener:
    """`visitors` are the addresses that were accepted so far; `connections` waits until that is all."""

    def __init__(self, sock: socket.socket) -> None:
        self.host, self.port = sock.getsockname()[:2]
        self.visitors: list[tuple[str, int]] = []
        self._own: set[tuple[str, int]] = set()

    @property
    def connections(self) -> int:
        """How many came. Connections are accepted in order, so our own is the last of them."""
        with socket.create_connection((self.host, self.port), timeout=5) as probe:
            own = probe.getsockname()[:2]
            self._own.add(own)
            wait_until(lambda: own in self.visitors, seconds=5, what="the listener's accept")
        return sum(visitor not in self._own for visitor in self.visitors)


def read_request(connection: socket.socket) -> bytes:
    """Bytes up to the end of an HTTP request's headers."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            break
        received += piece
    return received


@contextmanager
def listening(script: Script | None = None, host: str = "127.0.0.1", port: int = 0) -> Iterator[Listener]:
    """Each connection gets `script` in a thread of its own and is closed after it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family)
    listener = Listener(sock)
    accepting = threading.Thread(target=_accept, args=(sock, listener, script), daemon=True)
    accepting.start()
    try:
        yield listener
    finally:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
        accepting.join(5)


def _accept(sock: socket.socket, listener: Listener, script: Script | None) -> None:
    with suppress(OSError):
        while True:
            connection, peer = sock.accept()
            listener.visitors.append(peer[:2])
            threading.Thread(target=_converse, args=(connection, script), daemon=True).start()


def _converse(connection: socket.socket, script: Script | None) -> None:
    with connection, suppress(OSError):
        if script:
            script(connection)


def silent(connection: socket.socket) -> None:
    """Takes the request and says nothing until the other side hangs up."""
    read_request(connection)
    connection.recv(1)


@contextmanager
def full(host: str, port: int = 0) -> Iterator[int]:
    """A port whose queue of connections is full: the next one waits for ever, as where a firewall drops packets."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as stack:
        queue = stack.enter_context(socket.socket(family))
        queue.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        queue.bind((host, port))
        queue.listen(0)
        port = queue.getsockname()[1]
        for _ in range(3):
            waiting = stack.enter_context(socket.socket(family))
            waiting.setblocking(False)
            waiting.connect_ex((host, port))
        yield port


@contextmanager
def crowd(port: int, count: int) -> Iterator[None]:
    """So many clients that send a byte now and then, for as long as the block lasts or they are let go."""
    over = threading.Event()
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(count)]
        dripping_on = threading.Thread(target=_drip, args=(clients, over), daemon=True)
        dripping_on.start()
        try:
            yield
        finally:
            over.set()
            dripping_on.join(5)


def _drip(clients: list[socket.socket], over: threading.Event) -> None:
    while not over.wait(0.3):
        for client in clients:
            with suppress(OSError):
                client.send(b"G")


def http_script(answer: bytes, seen: list[bytes] | None = None) -> Script:
    """Answers every connection's first request with the same bytes."""

    def script(connection: socket.socket) -> None:
        request = read_request(connection)
        if seen is not None:
            seen.append(request)
        connection.sendall(answer)

    return script


def dripping(pieces: Iterable[bytes] | bytes, pause: float = 0.1) -> Script:
    """One byte after the other, slowly, for ever when `pieces` ends not."""

    def script(connection: socket.socket) -> None:
        rest = threading.Event()
        for byte in pieces:
            connection.sendall(byte if isinstance(byte, bytes) else bytes([byte]))
            rest.wait(pause)

    return script
