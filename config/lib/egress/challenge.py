"""A look at an HTTP-01 challenge as a CA takes it: what it forgives is forgiven here, and nothing else.

Let's Encrypt's validation server (2026): port 80, up to 10 redirects to ports 80 and 443, whatever certificate stands
there; IPv6 first, IPv4 only where that did not answer at all; the first bytes of the body count.
"""

from dataclasses import dataclass

from django.conf import settings

from .deadline import Deadline
from .detection import Hop, exchanged
from .http import REDIRECTS, Question, following, joined_headers
from .refusals import Refused, Unreachable
from .transport import parse_url
from .trust import context_that_verifies_nothing

MAX_REDIRECTS = 10
BODY_BYTES = 4096
# What leads a CA from IPv6 to IPv4. Where this host has no IPv6 itself, that says nothing about the CA's.
_NO_ANSWER = frozenset({"connect_timeout", "connect_unreachable", "dns_no_address"})


@dataclass(frozen=True)
class Fetched:
    """The answers on the way, in order. `stopped`, if anything, is why the last redirect was not followed: elsewhere,
    or count. `failure` is what the last connection ended with, at `failed_url`; `family` (6 or 4) is how the first
    answer came, or did not.
    """

    hops: tuple[Hop, ...] = ()
    stopped: str = ""
    failure: Unreachable | None = None
    failed_url: str = ""
    family: int = 4


def fetch_challenge(url: str, deadline: Deadline) -> Fetched:
    """GET `url` as a CA does. Blocks. Raises Refused where the host leads to an address that nobody may look at."""
    question = Question("GET", parse_url(url), {"accept": "*/*"}, b"")
    hops: list[Hop] = []
    first_family = 0
    while True:
        hop, family = _seen(question, deadline)
        first_family = first_family or family
        if isinstance(hop, Unreachable):
            return Fetched(tuple(hops), "", hop, str(question.address), first_family)
        hops.append(hop)
        told = joined_headers([(name.encode(), value.encode("latin-1")) for name, value in hop.headers])
        if hop.status not in REDIRECTS or "location" not in told:
            return Fetched(tuple(hops), family=first_family)
        if len(hops) > MAX_REDIRECTS:
            return Fetched(tuple(hops), "count", family=first_family)
        try:
            question = following(question, hop.status, told)
        except Refused:
            return Fetched(tuple(hops), "elsewhere", family=first_family)


def _seen(question: Question, deadline: Deadline) -> tuple[Hop | Unreachable, int]:
    """What came of it by IPv6, else by IPv4, and which it was."""
    first = _by(6, question, deadline)
    if isinstance(first, Hop) or first.code not in _NO_ANSWER:
        return first, 6
    second = _by(4, question, deadline)
    if isinstance(second, Unreachable) and second.code == "dns_no_address":
        # Without IPv4 at all, what became of IPv6 says more.
        return first, 6
    return second, 4


def _by(family: int, question: Question, deadline: Deadline) -> Hop | Unreachable:
    try:
        limit = deadline.capped(settings.ACME_HTTP01_SECONDS)
        hop = exchanged(question, context_that_verifies_nothing(), limit, BODY_BYTES, family)
        # A body that stopped half-way is no answer: a CA does not take what it has by then.
        limit.check()
    except Unreachable as failure:
        return failure
    return hop
