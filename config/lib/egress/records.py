"""DNS records as their own servers give them, for everything that is proved by the DNS."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset

from config.lib.errors import ExpectedError
from config.lib.side_by_side import side_by_side

from .deadline import Deadline
from .hostname import parse_dns_name
from .resolve import resolve, resolver_addresses

_MAX_SERVERS = 8
_MAX_ALIASES = 8
_TRY = 2.0


@dataclass(frozen=True)
class ServerAnswer:
    """What one server said.

    `values` is [] when it said that there is nothing (`error` nxdomain, no_answer, or alias for a
    CNAME that was not followed, alias_loop for one that leads nowhere), None when it said nothing usable
    (timeout, servfail, refused, notimp, lame, unreachable, egress_refused, dns_… of its own name). `error`
    is "" with values. `via` is the name at the end of the aliases that were followed, "" without any. `zone` is that
    of the name that was asked about, "" where its own servers are not known.
    """

    server: str
    values: list[str] | None
    error: str = ""
    alias: str = ""
    via: str = ""
    zone: str = field(default="", compare=False)


@dataclass(frozen=True)
class _Server:
    label: str
    addresses: Sequence[str]
    port: int = 53
    is_authoritative: bool = True
    error: str = ""
    zone: str = ""


@dataclass(frozen=True)
class _Question:
    name: dns.name.Name
    rdtype: dns.rdatatype.RdataType
    follow: bool


def lookup_txt(name: str, deadline: Deadline, *, follow: bool = True) -> list[ServerAnswer]:
    """TXT values of `name`, each record's strings joined, asked of every server. Blocks.

    See `lookup_records`.
    """
    return lookup_records(name, "TXT", deadline, follow=follow)


def lookup_records(name: str, rdtype: str, deadline: Deadline, *, follow: bool = True) -> list[ServerAnswer]:
    """`name`'s records of `rdtype` at up to 8 authoritative servers of its zone, all at once. Blocks.

    Where those cannot be found (a resolver that does not answer NS, a private zone) the
    configured resolvers are asked instead; `server` is then "address:port" instead of a name.
    `follow` goes on at the target of a CNAME, in the target's zone. Raises NeedsUser
    ("host_malformed") for what is no name; failures are in the answers.
    """
    asked = dns.name.from_text(parse_dns_name(name))
    servers = _servers_of(asked, deadline)
    question = _Question(asked, dns.rdatatype.from_text(rdtype), follow)
    found = _followed(_ask_all(servers, question, deadline), question, deadline)
    return [replace(answer, zone=servers[0].zone) for answer in found] if servers else found


def _followed(answers: list[ServerAnswer], question: _Question, deadline: Deadline) -> list[ServerAnswer]:
    """The answers at the end of the aliases that these name; these where there is none, or none is followed."""
    path = [question.name]
    collected: list[ServerAnswer] = []
    while True:
        aliases = sorted({answer.alias for answer in answers if answer.alias})
        if not question.follow or not aliases:
            return collected + answers
        # Servers that do not know the alias yet are part of the answer: the change is not everywhere.
        collected += [answer for answer in answers if not answer.alias]
        target = dns.name.from_text(aliases[0])
        if target in path or len(path) > _MAX_ALIASES:
            return collected + [replace(answer, error="alias_loop") for answer in answers if answer.alias]
        path.append(target)
        answers = _ask_all(_servers_of(target, deadline), replace(question, name=target), deadline)
        answers = [replace(answer, via=answer.via or _plain(target)) for answer in answers]


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def ask_resolvers(name: str, rdtype: str, deadline: Deadline) -> list[ServerAnswer]:
    """What the configured resolvers say of `name`, as most of the world hears it: perhaps some minutes old. Blocks.

    A CNAME is not followed. Raises NeedsUser ("host_malformed") for what is no name.
    """
    question = _Question(dns.name.from_text(parse_dns_name(name)), dns.rdatatype.from_text(rdtype), follow=False)
    return _ask_all(_resolvers(), question, deadline)


def _servers_of(name: dns.name.Name, deadline: Deadline) -> list[_Server]:
    zone, hosts = _nameservers(name, deadline)
    if hosts:
        known = hosts[:_MAX_SERVERS]
        servers = side_by_side(lambda host: _authoritative(host, zone, deadline), known, at_once=_MAX_SERVERS)
        if any(server.addresses for server in servers):
            return servers
    return _resolvers()


def _resolvers() -> list[_Server]:
    return [
        _Server(_label(address, port), (address,), port, is_authoritative=False)
        for address, port in resolver_addresses()
    ]


def _nameservers(name: dns.name.Name, deadline: Deadline) -> tuple[str, list[str]]:
    """The closest enclosing zone and the names of its servers, none when nobody says; never a TLD's."""
    while len(name.labels) > 2:
        try:
            answer = _resolver().resolve(name, "NS", raise_on_no_answer=False, lifetime=min(deadline.left(), _TRY))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoNameservers):
            # A resolver also fails where the name is an alias that leads nowhere; its own zone may be well.
            name = name.parent()
            continue
        except (dns.exception.DNSException, OSError):
            return "", []
        if answer.rrset is not None and answer.rrset.name == name:
            return _plain(name), sorted(_plain(record.target) for record in answer.rrset)
        name = name.parent()
    return "", []


def _resolver() -> dns.resolver.Resolver:
    """The configured resolvers, absolute names only, nothing cached."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in resolver_addresses()]
    resolver.search = []
    resolver.timeout = _TRY
    resolver.use_edns(0, 0, 1232)
    return resolver


def _label(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _authoritative(host: str, zone: str, deadline: Deadline) -> _Server:
    try:
        return _Server(host, resolve(host, deadline), zone=zone)
    except ExpectedError as problem:
        return _Server(host, (), error=problem.code, zone=zone)


def _ask_all(servers: Sequence[_Server], question: _Question, deadline: Deadline) -> list[ServerAnswer]:
    return side_by_side(lambda server: _ask(server, question, deadline), servers, at_once=_MAX_SERVERS)


def _ask(server: _Server, question: _Question, deadline: Deadline) -> ServerAnswer:
    """The first usable answer among the server's addresses, else the last failure."""
    answer = ServerAnswer(server.label, None, server.error or "timeout")
    for address in server.addresses:
        if not deadline.left():
            break
        try:
            answer = _read(server, _exchanged(server, address, question, deadline), question)
        except dns.exception.Timeout:
            answer = ServerAnswer(server.label, None, "timeout")
        except (dns.exception.DNSException, OSError, EOFError):
            answer = ServerAnswer(server.label, None, "unreachable")
        if answer.values is not None:
            break
    return answer


def _exchanged(server: _Server, address: str, question: _Question, deadline: Deadline) -> dns.message.Message:
    """Authoritative servers are asked over TCP, where a stranger cannot slip an answer in."""
    query = dns.message.make_query(question.name, question.rdtype, use_edns=0, payload=1232)
    if server.is_authoritative:
        query.flags &= ~dns.flags.RD
        try:
            return dns.query.tcp(query, address, timeout=min(deadline.left(), _TRY), port=server.port)
        except (dns.exception.Timeout, OSError, EOFError):
            # One silent server is one answer among several, not the end of the look-up.
            if not deadline.left():
                raise dns.exception.Timeout from None
    answer, _ = dns.query.udp_with_fallback(
        query,
        address,
        timeout=min(deadline.left(), _TRY),
        port=server.port,
        ignore_unexpected=True,
        ignore_errors=True,
    )
    return answer


def _read(server: _Server, response: dns.message.Message, question: _Question) -> ServerAnswer:
    rcode = response.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return ServerAnswer(server.label, None, dns.rcode.to_text(rcode).lower())
    aliases, values = _chain(response, question)
    if aliases and (server.is_authoritative or not question.follow):
        # Only the target's own servers speak for it.
        return ServerAnswer(server.label, [], "alias", aliases[0])
    if values:
        return ServerAnswer(server.label, values, via=aliases[-1].lower() if aliases else "")
    if server.is_authoritative and not response.flags & dns.flags.AA:
        return ServerAnswer(server.label, None, "lame")
    return ServerAnswer(server.label, [], "nxdomain" if rcode == dns.rcode.NXDOMAIN else "no_answer")


def _chain(response: dns.message.Message, question: _Question) -> tuple[list[str], list[str]]:
    """The CNAME targets that the answer section leads through, and the values at their end."""
    aliases: list[str] = []
    owner = question.name
    while len(aliases) < _MAX_ALIASES:
        found = _rrset(response, owner, question.rdtype)
        alias = _rrset(response, owner, dns.rdatatype.CNAME)
        if found is not None or alias is None:
            return aliases, [_text(record) for record in found or ()]
        owner = alias[0].target
        aliases.append(owner.to_text(omit_final_dot=True))
    return aliases, []


def _rrset(
    response: dns.message.Message, owner: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> dns.rrset.RRset | None:
    return response.get_rrset(dns.message.ANSWER, owner, dns.rdataclass.IN, rdtype)


def _text(record: Any) -> str:
    """A record's words; NUL, which PostgreSQL does not store, reads as a replacement character."""
    if record.rdtype == dns.rdatatype.TXT:
        return b"".join(record.strings).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return str(record.to_text())
