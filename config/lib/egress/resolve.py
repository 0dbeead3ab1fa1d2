"""From a name to addresses that were judged, by the configured resolvers.

`getaddrinfo` is never used: it has no deadline, reads /etc/hosts and search domains, and
understands spellings of addresses that this portal's grammar does not.
"""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver
from django.conf import settings

from .deadline import Deadline
from .hostname import literal_address, parse_host
from .judge import judge
from .refusals import Refused, Unreachable

MAX_ADDRESSES = 8
# A name that the DNS cannot give in this time is reported as such, before the caller's own
# deadline turns it into a vague one.
_LIFETIME = 5.0
_TRY = 2.0
_FAMILIES = ("AAAA", "A")
_LOOPBACK = ("::1", "127.0.0.1")
_RESOLV_CONF = Path("/etc/resolv.conf")


def resolve(host: str, deadline: Deadline, *, operator: bool = False) -> list[str]:
    """Addresses of `host`, IPv6 first, at most 8, every one of them judged. Blocks.

    One question per family, both at once. Raises Refused("egress_refused") if any address
    is not allowed, Unreachable dns_nxdomain, dns_no_address or dns_failed. `operator` leaves
    out the judgement, for hosts that only the portal's operator can name.
    """
    known = _known_addresses(host)
    if known is None:
        with ThreadPoolExecutor(len(_FAMILIES)) as pool:
            known = _merged(host, list(pool.map(lambda family: _ask(host, family, deadline), _FAMILIES)))
    return known if operator else _judged(host, known)


async def resolve_async(host: str, deadline: Deadline, *, operator: bool = False) -> list[str]:
    """As `resolve`, on the running event loop."""
    known = _known_addresses(host)
    if known is None:
        answers = await asyncio.gather(*(_ask_async(host, family, deadline) for family in _FAMILIES))
        known = _merged(host, answers)
    return known if operator else _judged(host, known)


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


def prepare[R: dns.resolver.BaseResolver](resolver: R) -> R:
    """Point `resolver` at the configured servers, absolute names only, nothing cached."""
    resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in resolver_addresses()]
    resolver.search = []
    resolver.timeout = _TRY
    resolver.use_edns(0, 0, 1232)
    return resolver


def _known_addresses(host: str) -> list[str] | None:
    """What needs no look-up: literals, and the names that RFC 6761 answers by itself."""
    name = parse_host(host)
    if literal_address(name):
        return [name]
    top = name.rpartition(".")[2]
    if top == "localhost":
        # A constant of ours, so whichever of the two is opened will do.
        return [address for address in _LOOPBACK if judge(address)] or list(_LOOPBACK)
    if top in ("invalid", "onion"):
        raise Unreachable("dns_nxdomain", host=name)
    return None


type Answer = list[str] | Exception


def _ask(host: str, family: str, deadline: Deadline) -> Answer:
    try:
        answer = prepare(dns.resolver.Resolver(configure=False)).resolve(
            f"{parse_host(host)}.", family, raise_on_no_answer=False, lifetime=min(deadline.left(), _LIFETIME)
        )
    except (dns.exception.DNSException, OSError) as problem:
        return problem
    return _literals(answer)


async def _ask_async(host: str, family: str, deadline: Deadline) -> Answer:
    try:
        answer = await prepare(dns.asyncresolver.Resolver(configure=False)).resolve(
            f"{parse_host(host)}.", family, raise_on_no_answer=False, lifetime=min(deadline.left(), _LIFETIME)
        )
    except (dns.exception.DNSException, OSError) as problem:
        return problem
    return _literals(answer)


def _literals(answer: dns.resolver.Answer) -> list[str]:
    return [record.address for record in answer.rrset or ()]


def _merged(host: str, answers: Sequence[Answer]) -> list[str]:
    """Servers that fail AAAA alone are common, so one family's answer is enough."""
    found = [address for answer in answers if isinstance(answer, list) for address in answer]
    if found:
        return found
    if any(isinstance(answer, dns.resolver.NXDOMAIN) for answer in answers):
        raise Unreachable("dns_nxdomain", host=host)
    if any(isinstance(answer, Exception) for answer in answers):
        raise Unreachable("dns_failed", host=host)
    raise Unreachable("dns_no_address", host=host)


def _judged(host: str, addresses: Iterable[str]) -> list[str]:
    """One bad address refuses the host: which one a later connection takes is not ours to hope."""
    addresses = list(addresses)
    if not all(judge(address) for address in addresses):
        raise Refused("egress_refused", host=host)
    return addresses[:MAX_ADDRESSES]
