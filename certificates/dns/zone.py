"""What the bundled responder answers to one DNS message. Messages in, messages out; no sockets.

It knows one zone: SOA and NS at its top, TXT one label below. Everything else is REFUSED, NXDOMAIN or NODATA,
and nothing that a stranger sends raises.
"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

log = logging.getLogger("responder")

# What passes every network in one piece, as resolvers agreed on in 2020.
LARGEST_DATAGRAM = 1232
PLAIN_DATAGRAM = 512
HEADER = 12
# Two issuances at one name follow each other within a second: a resolver that kept the first one's values, or
# "nothing there", would fail the second.
SHORT_TTL = 0
LONG_TTL = 3600
MOST_VALUES = 100
LABEL = re.compile(rb"[a-z2-7]{32}")
_META = (dns.rdatatype.AXFR, dns.rdatatype.IXFR, dns.rdatatype.OPT, dns.rdatatype.TSIG, dns.rdatatype.TKEY)


@dataclass(frozen=True)
class Zone:
    """`values_of` gives the TXT values at a label, None where there is no such label. It may block and raise."""

    origin: dns.name.Name
    nameservers: Sequence[dns.name.Name]
    values_of: Callable[[str], Sequence[str] | None]

    def soa(self) -> dns.rrset.RRset:
        text = f"{self.nameservers[0]} hostmaster.{self.origin} 1 3600 600 86400 {SHORT_TTL}"
        return _rrset(self.origin, dns.rdatatype.SOA, [text], LONG_TTL)

    def ns(self) -> dns.rrset.RRset:
        return _rrset(self.origin, dns.rdatatype.NS, [str(name) for name in self.nameservers], LONG_TTL)


def make_zone(origin: str, nameservers: Sequence[str], values_of: Callable[[str], Sequence[str] | None]) -> Zone:
    names = [dns.name.from_text(name) for name in nameservers]
    return Zone(dns.name.from_text(origin), names, values_of)


def answer(wire: bytes, zone: Zone, *, is_datagram: bool) -> bytes | None:
    """The reply to one message; None for what deserves none. Never raises."""
    if len(wire) < HEADER or wire[2] & 0x80:
        # Answering a reply would let two servers talk to each other for ever.
        return None
    if (wire[2] >> 3) & 0x0F != dns.opcode.QUERY:
        return _bare(wire, dns.rcode.NOTIMP)
    try:
        query = dns.message.from_wire(wire)
        return _wire_of(_reply(query, zone), query, is_datagram=is_datagram)
    except (dns.exception.DNSException, ValueError):
        return _bare(wire, dns.rcode.FORMERR)
    except Exception as error:  # noqa: BLE001  (a stranger's packet or a database that is away must not stop the server)
        log.warning("responder.failed", extra={"error": type(error).__name__})
        return _bare(wire, dns.rcode.SERVFAIL)


def truncated(wire: bytes) -> bytes | None:
    """'Ask again by TCP', for a source that asks too much or pretends to be another; None where that makes no sense."""
    if len(wire) < HEADER or wire[2] & 0x80:
        return None
    return _bare(wire, dns.rcode.NOERROR, dns.flags.TC)


def soa_query(origin: str) -> bytes:
    """What the health check asks."""
    return dns.message.make_query(dns.name.from_text(origin), dns.rdatatype.SOA).to_wire()


def is_soa_answer(wire: bytes, origin: str) -> bool:
    try:
        reply = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return False
    found = reply.get_rrset(dns.message.ANSWER, dns.name.from_text(origin), dns.rdataclass.IN, dns.rdatatype.SOA)
    return reply.rcode() == dns.rcode.NOERROR and found is not None


def _bare(wire: bytes, rcode: int, flags: int = 0) -> bytes:
    """A header alone, with the question where it can be told: for messages that cannot be read or served."""
    opcode_and_rd = int.from_bytes(wire[2:4]) & 0x7900
    head = dns.flags.QR | opcode_and_rd | flags | rcode
    question = _question_of(wire) if flags & dns.flags.TC else b""
    counts = (1 if question else 0).to_bytes(2) + bytes(6)
    return wire[:2] + head.to_bytes(2) + counts + question


def _question_of(wire: bytes) -> bytes:
    try:
        _, end = dns.name.from_wire(wire, HEADER)
    except dns.exception.DNSException:
        return b""
    return wire[HEADER : HEADER + end + 4]


def _reply(query: dns.message.Message, zone: Zone) -> dns.message.Message:
    reply = dns.message.make_response(query, our_payload=LARGEST_DATAGRAM)
    if query.edns > 0:
        reply.set_rcode(dns.rcode.BADVERS)
    elif len(query.question) != 1:
        reply.set_rcode(dns.rcode.FORMERR)
    else:
        _fill(reply, query.question[0], zone)
    return reply


def _fill(reply: dns.message.Message, question: dns.rrset.RRset, zone: Zone) -> None:
    name, rdtype = question.name, question.rdtype
    if question.rdclass != dns.rdataclass.IN or rdtype in _META or not name.is_subdomain(zone.origin):
        reply.set_rcode(dns.rcode.REFUSED)
        return
    reply.flags |= dns.flags.AA
    found = _records_at(name, rdtype, zone)
    if found:
        reply.answer.append(found)
        return
    reply.authority.append(zone.soa())
    if found is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)


def _records_at(name: dns.name.Name, rdtype: int, zone: Zone) -> dns.rrset.RRset | None:
    """The records; an empty set where the name has none of this type, None where there is no such name."""
    below = name.relativize(zone.origin).labels
    if not below:
        return _at_top(name, rdtype, zone)
    label = below[0].lower()
    values = zone.values_of(label.decode()) if len(below) == 1 and LABEL.fullmatch(label) else None
    if values is None:
        return None
    if rdtype not in (dns.rdatatype.TXT, dns.rdatatype.ANY):
        return _rrset(name, dns.rdatatype.TXT, [], SHORT_TTL)
    return _rrset(name, dns.rdatatype.TXT, [f'"{value}"' for value in values[:MOST_VALUES]], SHORT_TTL)


def _at_top(name: dns.name.Name, rdtype: int, zone: Zone) -> dns.rrset.RRset:
    """In the letters in which it was asked: resolvers compare them."""
    if rdtype in (dns.rdatatype.SOA, dns.rdatatype.ANY):
        found = zone.soa()
    elif rdtype == dns.rdatatype.NS:
        found = zone.ns()
    else:
        return _rrset(name, dns.rdatatype.TXT, [], SHORT_TTL)
    found.name = name
    return found


def _rrset(name: dns.name.Name, rdtype: dns.rdatatype.RdataType, texts: Sequence[str], ttl: int) -> dns.rrset.RRset:
    found = dns.rrset.RRset(name, dns.rdataclass.IN, rdtype)
    found.update_ttl(ttl)
    for text in texts:
        found.add(dns.rdata.from_text(dns.rdataclass.IN, rdtype, text), ttl)
    return found


def _wire_of(reply: dns.message.Message, query: dns.message.Message, *, is_datagram: bool) -> bytes:
    """As long as the asker takes; longer answers are cut, and say so."""
    asked = max(query.payload, PLAIN_DATAGRAM) if query.edns >= 0 else PLAIN_DATAGRAM
    most = min(asked, LARGEST_DATAGRAM) if is_datagram else 65535
    return reply.to_wire(max_size=most, prefer_truncation=True)
