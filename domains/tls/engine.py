"""Visits: one connection per host that answers both questions, its certificate and its front page.

Raw sockets on one event loop with TLS in memory: streams of asyncio hold ten times the memory and
cost twice the CPU for the same handshake. Nothing here touches the database or any secret.
"""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from config.lib import egress
from config.lib.errors import ExpectedError
from domains.starttls import Opener, Opening, our_name
from domains.tls.client import TlsClient, TlsFailed
from domains.tls.http import Head, NotHttp, request
from domains.tls.politeness import POLITENESS, Politeness, PutOff, Turn

log = logging.getLogger("domains.visit")

IN_FLIGHT = 500
TLS_SECONDS = 10.0
HTTP_SECONDS = 8.0
_READ = 16 * 1024
# The name leads nowhere, or nowhere where we go: there is nothing to ask over plain HTTP either.
_NOWHERE = frozenset({"egress_refused", "dns_nxdomain", "dns_no_address", "dns_failed"})


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to visit: `host` an A-label name, at `address` (a literal) when the name is not to be looked up.

    `http` asks for the front page too; `plain_port` is where it is asked for without TLS when that
    fails, None for nowhere. `opener` says how TLS is asked for where it does not begin at once.
    `owner` is the workspace that asks, which makes no other target of it: what was seen is the same for all.
    """

    host: str
    port: int = 443
    http: bool = True
    plain_port: int | None = 80
    address: str = ""
    opener: Opener | None = None
    owner: Hashable = field(default=None, compare=False)

    @property
    def where(self) -> str:
        return self.address or self.host


@dataclass(frozen=True, slots=True)
class FrontPage:
    """The answer to GET /: `status` None when nothing that is HTTP came; `scheme` of the last try."""

    scheme: str
    status: int | None
    milliseconds: int


@dataclass(slots=True)
class Observation:
    """What a visit saw. `outcome` is empty after a complete handshake, else an error code.

    `ders` may hold certificates although the handshake failed after they were sent. `waited` is how many
    seconds after the others' beginning this host's turn came. `put_off` is in how many seconds the visit should
    be tried again when its address has had enough of us for now (nothing was seen then), else None.
    """

    target: Target
    outcome: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    address: str = ""
    ders: tuple[bytes, ...] = ()
    tls_version: str = ""
    cipher: str = ""
    milliseconds: int = 0
    page: FrontPage | None = None
    waited: float = 0.0
    put_off: float | None = None


def visit_many(
    targets: Sequence[Target],
    *,
    in_flight: int = IN_FLIGHT,
    agent: str = "ManageMyCert",
    us: str = "localhost",
    tls_seconds: float = TLS_SECONDS,
    http_seconds: float = HTTP_SECONDS,
    politeness: Politeness = POLITENESS,
) -> list[Observation]:
    """Visit all targets, `in_flight` at a time; the answers in the order of the targets.

    `us` is our own host, as mail servers want to be greeted. Blocks on an event loop of its own, at most
    about (tls_seconds + 2 * http_seconds) per round of `in_flight`; the second http_seconds are spent on
    plain HTTP alone, where HTTPS gave no answer, or the first on STARTTLS.
    Never raises for what a host does; repeatable.
    """
    manners = _Manners(agent, our_name(us), tls_seconds, http_seconds, politeness)
    return asyncio.run(_visit_all(targets, in_flight, manners))


@dataclass(frozen=True, slots=True)
class _Manners:
    agent: str
    us: str
    tls_seconds: float
    http_seconds: float
    politeness: Politeness

    def turn(self, target: Target, deadline: egress.Deadline, *, plain_port: int | None = None) -> Turn:
        """For the visit's connection, or for the one to `plain_port` that follows it."""
        port = plain_port or target.port
        return self.politeness.turn(target, port, deadline, follows=plain_port is not None, owner=target.owner)

    def tls_deadline(self, target: Target) -> egress.Deadline:
        """Mail servers greet late on purpose (postscreen: 6 s); nobody asks them for a page in exchange."""
        return egress.Deadline(self.tls_seconds + (self.http_seconds if target.opener else 0))


async def _visit_all(targets: Sequence[Target], in_flight: int, manners: _Manners) -> list[Observation]:
    seen = [Observation(target) for target in targets]
    waiting: Iterator[Observation] = iter(seen)
    began = time.monotonic()

    async def work() -> None:
        # All workers share one iterator: no task, and no timer, exists for a target that has to wait.
        for observation in waiting:
            observation.waited = time.monotonic() - began
            await _visit_politely(observation, manners)

    await asyncio.gather(*(work() for _ in range(min(in_flight, len(seen)))))
    return seen


async def _visit_politely(seen: Observation, manners: _Manners) -> None:
    """Visit, unless the address has had enough: then what another visit has just seen of this target counts."""
    began = manners.politeness.now()
    try:
        await _visit(seen, manners)
    except PutOff as wait:
        fresh = wait.known or Observation(seen.target, put_off=wait.seconds)
        for one in fields(Observation):
            if one.name not in ("target", "waited"):
                setattr(seen, one.name, getattr(fresh, one.name))
    else:
        # What a shorter patience has not seen, a longer one may.
        if manners.tls_seconds >= TLS_SECONDS or not (seen.outcome or _is_plain_worth_asking(seen)):
            manners.politeness.remember(seen.target, seen.address, began, seen)


async def _visit(seen: Observation, manners: _Manners) -> None:
    started = time.monotonic()
    try:
        await _visit_securely(seen, manners)
    except PutOff:
        raise
    except ExpectedError as error:
        seen.outcome, seen.params = error.code, dict(error.params)
        if isinstance(error, TlsFailed):
            seen.ders = error.ders
    except Exception:  # A host that trips a bug of ours must not take 499 others with it.
        log.exception("visit.crashed", extra={"host": seen.target.host, "port": seen.target.port})
        seen.outcome = "visit_crashed"
    seen.milliseconds = seen.milliseconds or _since(started)
    if seen.target.http and seen.target.plain_port and _is_plain_worth_asking(seen):
        seen.page = await _plain_page(seen.target, seen.target.plain_port, manners) or seen.page


def _is_plain_worth_asking(seen: Observation) -> bool:
    has_answer = seen.page is not None and seen.page.status is not None
    return not has_answer and seen.outcome not in _NOWHERE


async def _visit_securely(seen: Observation, manners: _Manners) -> None:
    target = seen.target
    started = time.monotonic()
    deadline = manners.tls_deadline(target)
    async with _connected(target.where, target.port, deadline, manners.turn(target, deadline)) as (sock, address):
        seen.address = address
        opening = Opening(target.opener, target.host, manners.us) if target.opener else None
        if opening:
            await _open(sock, opening, deadline)
        client = TlsClient(target.host, http=target.http, opening=opening)
        async with _within(deadline):
            await _shake_hands(sock, client)
        seen.ders, seen.tls_version, seen.cipher = client.served(), client.tls_version, client.cipher
        seen.milliseconds = _since(started)
        if target.http:
            seen.page = await _secure_page(sock, client, target, manners)
        client.close()
        await _say_goodbye(sock, client)


async def _open(sock: socket.socket, opening: Opening, deadline: egress.Deadline) -> None:
    """Talk in clear until TLS may begin."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline.check()):
            while True:
                if data := opening.outgoing():
                    await loop.sock_sendall(sock, data)
                if opening.is_open:
                    return
                opening.incoming(await loop.sock_recv(sock, _READ))
    except OSError as error:
        opening.broken(error, deadline.seconds)


async def _shake_hands(sock: socket.socket, client: TlsClient) -> None:
    loop = asyncio.get_running_loop()
    try:
        while not client.handshake():
            if data := client.outgoing():
                await loop.sock_sendall(sock, data)
            client.incoming(await loop.sock_recv(sock, _READ))
    except TimeoutError:
        raise
    except OSError as error:
        client.fail(error)


async def _say_goodbye(sock: socket.socket, client: TlsClient) -> None:
    # One packet that fits any send buffer: a peer that does not take it is not waited for.
    try:
        sock.send(client.outgoing())
    except OSError:
        return


async def _secure_page(sock: socket.socket, client: TlsClient, target: Target, manners: _Manners) -> FrontPage:
    loop = asyncio.get_running_loop()
    client.write(request(target.host, target.port, "https", manners.agent))

    async def receive() -> bytes:
        while (data := client.read()) is None:
            if not (received := await loop.sock_recv(sock, _READ)):
                return b""
            client.incoming(received)
        return data

    return await _page("https", manners.http_seconds, lambda: loop.sock_sendall(sock, client.outgoing()), receive)


async def _plain_page(target: Target, port: int, manners: _Manners) -> FrontPage | None:
    loop = asyncio.get_running_loop()
    deadline = egress.Deadline(manners.http_seconds)
    try:
        turn = manners.turn(target, deadline, plain_port=port)
        async with _connected(target.where, port, deadline, turn) as (sock, _):
            data = request(target.host, port, "http", manners.agent)
            return await _page(
                "http", deadline.check(), lambda: loop.sock_sendall(sock, data), lambda: loop.sock_recv(sock, _READ)
            )
    except ExpectedError:
        return None


async def _page(scheme: str, seconds: float, send: Callable[[], Any], receive: Callable[[], Any]) -> FrontPage:
    """Send the request and read until the head is there; whatever goes wrong is 'no status'."""
    started = time.monotonic()
    head, status = Head(), None
    try:
        async with asyncio.timeout(seconds):
            await send()
            while status is None and (data := await receive()):
                status = head.feed(data)
    except (OSError, TimeoutError, NotHttp, ExpectedError):
        status = None
    return FrontPage(scheme, status, _since(started))


@asynccontextmanager
async def _connected(
    host: str, port: int, deadline: egress.Deadline, turn: Turn
) -> AsyncIterator[tuple[socket.socket, str]]:
    with turn:
        async with _within(deadline, spare=turn.patience):
            sock, address = await egress.open_socket_async(host, port, deadline, admit=turn.enter)
        try:
            yield sock, address
        finally:
            sock.close()


@asynccontextmanager
async def _within(deadline: egress.Deadline, *, spare: float = 0.0) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(deadline.check() + spare):
            yield
    except TimeoutError:
        raise egress.Unreachable("deadline_exceeded", seconds=round(deadline.seconds, 1)) from None


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
