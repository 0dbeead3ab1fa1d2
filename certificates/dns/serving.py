"""The sockets of the bundled responder: UDP and TCP, a fixed number of threads, a clean end."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress

from certificates.dns.rates import Rates
from certificates.dns.zone import Zone, answer, is_soa_answer, soa_query, truncated

log = logging.getLogger("responder")

DATAGRAM = 4096
UDP_THREADS = 2
# A burst waits here rather than being dropped by the kernel.
RECEIVE_BUFFER = 1024 * 1024
# So many connections at once, and of them so many from one address: TCP costs memory, and its source is real.
CONNECTIONS = 64
CONNECTIONS_FROM_ONE = 8
IDLE_SECONDS = 5.0
CONNECTION_SECONDS = 15.0
# How soon a thread without work notices that it should end.
POLL_SECONDS = 0.25
STOP_SECONDS = 5.0

type Address = tuple[str, int]


class Responder:
    """Answers for `zone` on every address of `binds` between `start` and `stop`."""

    def __init__(self, zone: Zone, binds: Sequence[Address], rates: Rates | None = None) -> None:
        self.zone = zone
        self.rates = Rates() if rates is None else rates
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}
        self._binds = binds

    def start(self) -> None:
        """Bind and serve in threads. Raises OSError when an address is taken or may not be bound."""
        for bind in self._binds:
            udp, tcp = self._bound(bind, socket.SOCK_DGRAM), self._bound(bind, socket.SOCK_STREAM)
            tcp.listen(CONNECTIONS)
            for _ in range(UDP_THREADS):
                self._run(self._serve_udp, udp)
            self._run(self._accept, tcp)

    def wait(self, seconds: float | None = None) -> bool:
        return self._stopping.wait(seconds)

    def ask_to_stop(self) -> None:
        self._stopping.set()

    def stop(self) -> None:
        """Finish what is in hand, close everything. Repeatable."""
        self._stopping.set()
        ends = time.monotonic() + STOP_SECONDS
        for thread in [*self._threads]:
            thread.join(max(0.0, ends - time.monotonic()))
        for sock in self._sockets:
            sock.close()

    def _bound(self, bind: Address, kind: socket.SocketKind) -> socket.socket:
        family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
        sock = socket.socket(family, kind)
        self._sockets.append(sock)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(bind)
        sock.settimeout(POLL_SECONDS)
        return sock

    def _run(self, work: Callable[[socket.socket], None], sock: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(sock,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve_udp(self, sock: socket.socket) -> None:
        while not self._stopping.is_set():
            # Nothing there in time, an error that an earlier reply met on its way, or a reply nobody can get.
            with suppress(OSError):
                wire, source = sock.recvfrom(DATAGRAM)
                reply = self._reply_to_datagram(wire, source[0])
                if reply is not None:
                    sock.sendto(reply, source)

    def _reply_to_datagram(self, wire: bytes, source: str) -> bytes | None:
        if self.rates.takes(source):
            return answer(wire, self.zone, is_datagram=True)
        return truncated(wire) if self.rates.slips() else None

    def _accept(self, sock: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                connection, source = sock.accept()
            except OSError:
                # Also when there are no file descriptors left for a moment: they come back.
                continue
            if self._takes(source[0]):
                threading.Thread(target=self._serve_tcp, args=(connection, source[0]), daemon=True).start()
            else:
                connection.close()

    def _takes(self, source: str) -> bool:
        with self._lock:
            if sum(self._open.values()) >= CONNECTIONS or self._open.get(source, 0) >= CONNECTIONS_FROM_ONE:
                return False
            self._open[source] = self._open.get(source, 0) + 1
            return True

    def _serve_tcp(self, connection: socket.socket, source: str) -> None:
        ends = time.monotonic() + CONNECTION_SECONDS
        try:
            with closing(connection), suppress(OSError):
                while self._serve_one(connection, ends):
                    pass
        finally:
            with self._lock:
                self._open[source] -= 1
                if not self._open[source]:
                    del self._open[source]

    def _serve_one(self, connection: socket.socket, ends: float) -> bool:
        """One question of a connection; whether another one may follow."""
        head = _read(connection, 2, ends)
        wire = _read(connection, int.from_bytes(head), ends) if head else b""
        reply = answer(wire, self.zone, is_datagram=False) if wire else None
        if reply is None:
            return False
        connection.settimeout(IDLE_SECONDS)
        connection.sendall(len(reply).to_bytes(2) + reply)
        return not self._stopping.is_set()


def _read(connection: socket.socket, size: int, ends: float) -> bytes:
    """Exactly `size` bytes; b"" when the other side is done or too slow. Raises OSError."""
    found = b""
    while len(found) < size:
        left = min(IDLE_SECONDS, ends - time.monotonic())
        if left <= 0:
            return b""
        connection.settimeout(left)
        part = connection.recv(size - len(found))
        if not part:
            return b""
        found += part
    return found


def is_healthy(bind: Address, origin: str, *, seconds: float = 3.0) -> bool:
    """Whether our own responder at `bind` answers by UDP and by TCP. Blocks."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind[0], bind[0])  # noqa: S104  (compared, not bound)
    question = soa_query(origin)
    with suppress(OSError):
        return all(is_soa_answer(ask((host, bind[1]), question, seconds), origin) for ask in (_by_udp, _by_tcp))
    return False


def _by_udp(address: Address, question: bytes, seconds: float) -> bytes:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(seconds)
        sock.connect(address)
        sock.send(question)
        return sock.recv(DATAGRAM)


def _by_tcp(address: Address, question: bytes, seconds: float) -> bytes:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    ends = time.monotonic() + seconds
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        sock.connect(address)
        sock.sendall(len(question).to_bytes(2) + question)
        return _read(sock, int.from_bytes(_read(sock, 2, ends)), ends)
