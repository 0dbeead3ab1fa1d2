"""TCP connections to judged literals."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from .deadline import Deadline
from .refusals import Refused, Unreachable
from .resolve import resolve, resolve_async

# Long enough for one lost SYN (sent again after a second), short enough that a black hole in
# front of a working address leaves time for it.
_ATTEMPT = 1.5


def open_socket(
    host: str, port: int, deadline: Deadline, *, operator: bool = False, family: int | None = None
) -> socket.socket:
    """A connected TCP socket whose timeout is what the deadline has left. Blocks.

    Resolves once, judges every address, connects to the literal and compares the peer. Addresses
    are tried in turn, IPv6 first, of `family` (4 or 6) alone where it is given. Later reads are the
    caller's to bound: set the timeout again from the deadline before each one.
    """
    judged = resolve(host, deadline, operator=operator)
    addresses = [one for one in judged if family in (None, ip_address(one).version)]
    if not addresses:
        raise Unreachable("dns_no_address", host=host)
    problems: list[OSError] = []
    for position, address in enumerate(addresses):
        if not deadline.left():
            break
        try:
            return _connected(address, port, deadline, last=position == len(addresses) - 1)
        except OSError as problem:
            problems.append(problem)
    raise _verdict(host, port, problems)


async def open_socket_async(
    host: str,
    port: int,
    deadline: Deadline,
    *,
    operator: bool = False,
    admit: Callable[[str], Awaitable[None]] | None = None,
) -> tuple[socket.socket, str]:
    """As `open_socket` on the running loop; answers (non-blocking socket, address). The caller bounds it in time.

    `admit` is awaited before each attempt; an OSError of its is taken for that attempt's.
    """
    addresses = await resolve_async(host, deadline, operator=operator)
    problems: list[OSError] = []
    for position, address in enumerate(addresses):
        if not deadline.left():
            break
        try:
            if admit:
                await admit(address)
            return await _connected_async(address, port, deadline, last=position == len(addresses) - 1), address
        except OSError as problem:
            problems.append(problem)
    raise _verdict(host, port, problems)


def _connected(address: str, port: int, deadline: Deadline, *, last: bool) -> socket.socket:
    sock = _new_socket(address)
    try:
        sock.settimeout(_attempt_seconds(deadline, last=last))
        sock.connect((address, port))
        _compare_peer(sock, address, port)
        sock.settimeout(deadline.check())
    except BaseException:
        sock.close()
        raise
    return sock


async def _connected_async(address: str, port: int, deadline: Deadline, *, last: bool) -> socket.socket:
    sock = _new_socket(address)
    try:
        sock.setblocking(False)
        attempt = asyncio.get_running_loop().sock_connect(sock, (address, port))
        # The last one has all the time that the caller's own timeout leaves.
        await (attempt if last else asyncio.wait_for(attempt, _attempt_seconds(deadline, last=False)))
        _compare_peer(sock, address, port)
    except BaseException:
        sock.close()
        raise
    return sock


def _new_socket(address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _attempt_seconds(deadline: Deadline, *, last: bool) -> float:
    left = deadline.check()
    return left if last else min(left, _ATTEMPT)


def _compare_peer(sock: socket.socket, address: str, port: int) -> None:
    peer, peer_port = sock.getpeername()[:2]
    if peer_port != port or (peer != address and ip_address(peer) != ip_address(address)):
        raise Refused("egress_refused", host=address)
    # A closed port in the ephemeral range may connect to itself when the kernel picks it as source.
    if sock.getsockname()[:2] == sock.getpeername()[:2]:
        raise ConnectionRefusedError


def _verdict(host: str, port: int, problems: Sequence[OSError]) -> Unreachable:
    """The most telling of the attempts' errors; 'refused' proves that the host is there."""
    if any(isinstance(problem, ConnectionRefusedError) for problem in problems):
        return Unreachable("connect_refused", host=host, port=port)
    if not problems or any(isinstance(problem, TimeoutError) for problem in problems):
        return Unreachable("connect_timeout", host=host, port=port)
    return Unreachable("connect_unreachable", host=host, port=port)
