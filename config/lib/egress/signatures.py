"""Whether the configured resolvers take a zone's signatures for good (RFC 4035, section 5)."""

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode

from .deadline import Deadline
from .hostname import parse_dns_name
from .resolve import resolver_addresses

_TRY = 3.0
_UNSIGNED_WORDS = "resolvers refuse its answers, and give them when asked not to check signatures"


def signature_trouble(name: str, deadline: Deadline) -> str:
    """What the first resolver that answers has against the zone of `name`; empty where nothing. Blocks.

    A resolver that checks answers SERVFAIL for a zone that it does not believe, and the plain answer to whoever
    sets CD, checking disabled (section 3.2.2); a zone whose servers fail is SERVFAIL either way. Raises NeedsUser
    ("host_malformed") for what is no name.
    """
    asked = dns.name.from_text(parse_dns_name(name))
    for address, port in resolver_addresses():
        answer = _ask(asked, address, port, deadline, is_unchecked=False)
        if answer is None:
            continue
        if answer.rcode() != dns.rcode.SERVFAIL:
            return ""
        unchecked = _ask(asked, address, port, deadline, is_unchecked=True)
        believed = unchecked is not None and unchecked.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
        return _words(answer) if believed else ""
    return ""


def _ask(
    name: dns.name.Name, address: str, port: int, deadline: Deadline, *, is_unchecked: bool
) -> dns.message.Message | None:
    query = dns.message.make_query(name, "SOA", use_edns=0, payload=1232, want_dnssec=True)
    if is_unchecked:
        query.flags |= dns.flags.CD
    try:
        wait = min(deadline.left(), _TRY)
        return dns.query.udp_with_fallback(
            query, address, timeout=wait, port=port, ignore_unexpected=True, ignore_errors=True
        )[0]
    except (dns.exception.DNSException, OSError, EOFError):
        return None


def _words(answer: dns.message.Message) -> str:
    """The resolver's own reason where it gives one (RFC 8914)."""
    told = [option for option in answer.options if isinstance(option, dns.edns.EDEOption)]
    texts = [f"{option.code.name.replace('_', ' ').lower()} {option.text or ''}".strip() for option in told]
    clean = "; ".join(text for text in texts if text)[:300]
    return "".join(letter if letter.isprintable() else "?" for letter in clean) or _UNSIGNED_WORDS
