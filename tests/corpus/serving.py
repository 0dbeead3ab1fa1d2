"""Many servers on one event loop in one thread: a hundred set-ups cost one thread and no process."""

import asyncio
import ssl
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.tls import add_certificate, server_context
from tests.unit.domains.forge import key_pem

type Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Tls:
    """What a server side shows: `ders` leaf first, the key of this `kind` (forge), and its manners."""

    ders: Sequence[bytes]
    kind: str = "P-256 leaf"
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion] = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_3)
    wants_client_certificate: bool = False
    # OpenSSL's names; empty: whatever it has.
    ciphers: str = ""
    # Served for these names instead; None refuses the name.
    by_name: dict[str, "Tls | None"] = field(default_factory=dict)
    # A second certificate with a key of another kind, from which client and server choose.
    beside: "Tls | None" = None

    def context(self) -> ssl.SSLContext:
        context = server_context(self.ders, key_pem(self.kind))
        if self.beside:
            add_certificate(context, self.beside.ders, key_pem(self.beside.kind))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1
            context.minimum_version, context.maximum_version = self.versions
        if self.ciphers:
            context.set_ciphers(f"{self.ciphers}:@SECLEVEL=0")
        if self.wants_client_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
        if self.by_name:
            context.sni_callback = self._choose()
        return context

    def _choose(self) -> Callable[[ssl.SSLObject, str | None, ssl.SSLContext], int | None]:
        contexts = {name: one.context() if one else None for name, one in self.by_name.items()}

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            chosen = contexts.get(name or "", connection.context)
            if chosen is None:
                return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
            connection.context = chosen
            return None

        return choose


def speaks(tls: Tls) -> Handler:
    """TLS from the first byte."""
    return asks_first((), tls)


def asks_first(talk: Iterable[bytes | str | int], tls: Tls | None, *, leaves: bool = False) -> Handler:
    """First `talk`: bytes are sent, text is waited for, and so many bytes. Then TLS, or nothing until the visitor
    leaves; `leaves`: not even that."""
    context = tls.context() if tls else None
    steps = tuple(talk)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for step in steps:
            await _take_step(step, reader, writer)
        if context:
            await talks_tls(reader, writer, context)
        if not leaves:
            await reader.read()

    return serve


def answers(tls: Tls, pieces: Callable[[], Iterable[bytes]], pause: float = 0) -> Handler:
    """TLS, and whatever is asked over it gets `pieces`, with a pause after each."""
    context = tls.context()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talks_tls(reader, writer, context, pause=pause, answer=pieces())

    return serve


def drips(tls: Tls, piece: int, pause: float) -> Handler:
    """TLS whose bytes leave in pieces, with a pause after each."""
    context = tls.context()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talks_tls(reader, writer, context, piece, pause)

    return serve


async def talks_tls(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    context: ssl.SSLContext,
    piece: int = 1 << 20,
    pause: float = 0,
    answer: Iterable[bytes] = (),
) -> None:
    """By hand: asyncio's start_tls loses what the reader holds already, such as a hello right behind a request."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = context.wrap_bio(incoming, outgoing, server_side=True)

    async def leave() -> None:
        data = outgoing.read()
        for start in range(0, len(data), piece):
            writer.write(data[start : start + piece])
            await writer.drain()
            await asyncio.sleep(pause)

    is_over = False
    while not is_over:
        try:
            side.do_handshake()
            is_over = not side.read(4096)
            for one in answer:
                side.write(one)
                await leave()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:  # Its alert leaves all the same.
            is_over = True
        await leave()
        if not is_over:
            received = await reader.read(4096)
            incoming.write(received)
            is_over = not received


async def _take_step(step: bytes | str | int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if isinstance(step, bytes):
        writer.write(step)
        await writer.drain()
    elif isinstance(step, str):
        await reader.readuntil(step.encode())
    else:
        await reader.readexactly(step)


def waits(seconds: float, then: Handler) -> Handler:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await then(reader, writer)

    return serve


@contextmanager
def served(handlers: Sequence[Handler]) -> Iterator[list[int]]:
    """Their ports on 127.0.0.1, in order."""
    loop = asyncio.new_event_loop()
    # Visitors that hang up in the middle are what many of these servers are for.
    loop.set_exception_handler(lambda *_: None)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(_start(handlers), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


async def _start(handlers: Sequence[Handler]) -> list[int]:
    ports = []
    for handler in handlers:
        server = await asyncio.start_server(_guarded(handler), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    return ports


def _guarded(handler: Handler) -> Handler:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # The visitor has left.
        finally:
            writer.transport.abort()

    return serve
