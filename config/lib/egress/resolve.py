"""From a name to addresses that were judged, by the configured resolvers.

`getaddrinfo` is never used: it has no deadline, reads /etc/hosts and search domains, and
understands spellings of addresses that this portal's grammar does not.
"""

import asyncio
import socket
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import cycle
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import dns.resolver
from django.conf import settings

from .deadline import Deadline
from .hostname import literal_address, parse_host
from .judge import judge
from .lookup import Lookup
from .refusals import Refused, Unreachable
from .wire import read_reply

MAX_ADDRESSES = 8
# A name that the DNS cannot give in this time is reported as such, before the caller's own
# deadline turns it into a vague one.
_LIFETIME = 5.0
_TRY = 2.0
_DATAGRAM = 4096
# A timeout of 0 would mean something else to a socket.
_SOON = 0.001
_LOOPBACK = ("::1", "127.0.0.1")
_RESOLV_CONF = Path("/etc/resolv.conf")


def resolve(host: str, deadline: Deadline, *, operator: bool = False) -> list[str]:
    """Addresses of `host`, IPv6 first, at most 8, every one of them judged. Blocks.

    One question per family, both at once. Raises Refused("egress_refused") if any address
    is not allowed, Unreachable dns_nxdomain, dns_no_address or dns_failed. `operator` leaves
    out the judgement, for hosts that only the portal's operator can name.
    """
    name = parse_host(host)
    known = _known_addresses(name)
    if known is None:
        lookup = Lookup(name)
        for server, attempt in _attempts(lookup, deadline):
            _ask(lookup, server, attempt)
        known = lookup.result()
    return known if operator else _judged(host, known)


async def resolve_async(host: str, deadline: Deadline, *, operator: bool = False) -> list[str]:
    """As `resolve`, on the running event loop."""
    name = parse_host(host)
    known = _known_addresses(name)
    if known is None:
        lookup = Lookup(name)
        for server, attempt in _attempts(lookup, deadline):
            await _ask_async(lookup, server, attempt)
        known = lookup.result()
    return known if operator else _judged(host, known)


def resolve_all(host: str, deadline: Deadline) -> list[str]:
    """Every address of `host`, however many, none of them judged: for showing them. Blocks.

    Whoever connects to one of them does so by its literal, which is judged then. Raises as `resolve`
    does, except Refused.
    """
    return list(resolve(host, deadline, operator=True))


def resolver_addresses() -> list[tuple[str, int]]:
    """The configured resolvers as (address, port), the system's when none are configured."""
    if settings.DNS_RESOLVERS:
        return [(host, port) for host, port in settings.DNS_RESOLVERS]
    try:
        return [(address, 53) for address in _system_resolvers(_RESOLV_CONF.stat().st_mtime_ns)]
    except (OSError, dns.resolver.NoResolverConfiguration):
        return []


@lru_cache(maxsize=1)
def _system_resolvers(_changed_at: int) -> tuple[str, ...]:
    return tuple(str(server) for server in dns.resolver.Resolver(str(_RESOLV_CONF)).nameservers)


def _known_addresses(name: str) -> list[str] | None:
    """What needs no look-up: literals, and the names that RFC 6761 answers by itself."""
    if literal_address(name):
        return [name]
    top = name.rpartition(".")[2]
    if top == "localhost":
        # A constant of ours, so whichever of the two is opened will do.
        return [address for address in _LOOPBACK if judge(address)] or list(_LOOPBACK)
    if top in ("invalid", "onion"):
        raise Unreachable("dns_nxdomain", host=name)
    return None


type Server = tuple[str, int]


def _attempts(lookup: Lookup, deadline: Deadline) -> Iterator[tuple[Server, Deadline]]:
    """Servers in turn with the time for each, until the look-up is settled or time is up.

    A server that answered with a failure is not asked again; one that was silent is.
    """
    lifetime = deadline.capped(_LIFETIME)
    servers = resolver_addresses()
    failed: set[Server] = set()
    for server in cycle(servers):
        if server not in failed:
            yield server, Deadline(min(lifetime.left(), _TRY))
        if lookup.is_answered:
            failed.add(server)
        if lookup.is_settled or len(failed) == len(set(servers)) or not lifetime.left():
            return


def _ask(lookup: Lookup, server: Server, attempt: Deadline) -> None:
    questions = lookup.questions()
    try:
        with _connected_udp(server) as sock:
            for question in questions:
                sock.send(question)
            while not lookup.is_answered and attempt.left():
                sock.settimeout(attempt.left() or _SOON)
                lookup.feed(sock.recv(_DATAGRAM))
    except TimeoutError:
        return
    except OSError:
        lookup.fail()
    _ask_again_by_tcp(lookup, server, attempt)


async def _ask_async(lookup: Lookup, server: Server, attempt: Deadline) -> None:
    loop = asyncio.get_running_loop()
    questions = lookup.questions()
    try:
        with _connected_udp(server) as sock:
            for question in questions:
                sock.send(question)
            async with asyncio.timeout(attempt.left()):
                while not lookup.is_answered:
                    lookup.feed(await loop.sock_recv(sock, _DATAGRAM))
    except TimeoutError:
        return
    except OSError:
        lookup.fail()
    if lookup.truncated:
        await asyncio.to_thread(_ask_again_by_tcp, lookup, server, attempt)


def _connected_udp(server: Server) -> socket.socket:
    """Connected, so that the kernel drops what others send, and tells when nobody listens."""
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(server)
    except OSError:
        sock.close()
        raise
    return sock


def _ask_again_by_tcp(lookup: Lookup, server: Server, attempt: Deadline) -> None:
    """What did not fit into a datagram; rare, so dnspython does it."""
    for rdtype in sorted(lookup.truncated):
        query = dns.message.make_query(f"{lookup.name}.", dns.rdatatype.RdataType(rdtype))
        try:
            answer = dns.query.tcp(query, server[0], timeout=attempt.left(), port=server[1])
        except (dns.exception.DNSException, OSError, EOFError):
            continue
        reply = read_reply(answer.to_wire())
        lookup.settle(rdtype, reply.rcode, reply.addresses)


def _judged(host: str, addresses: Iterable[str]) -> list[str]:
    """One bad address refuses the host: which one a later connection takes is not ours to hope."""
    addresses = list(addresses)
    if not all(judge(address) for address in addresses):
        raise Refused("egress_refused", host=host)
    return addresses[:MAX_ADDRESSES]
