"""A look at a web site whose certificate may be anything: to recognise what is there, and for nothing else.

Nothing secret may go into such a request, and nothing that comes back is to be believed.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore

from .deadline import Deadline
from .hostname import registrable_domain
from .http import REDIRECTS, Question, following, httpcore_failures, joined_headers, wire_headers
from .refusals import Unreachable
from .transport import Wire, parse_url
from .trust import client_context, context_that_verifies_nothing

# Headers and whatever the transport adds, beside the body.
_HEAD_BYTES = 262_144


@dataclass(frozen=True)
class Hop:
    """One answer: `headers` in order with lower-case names, `body` cut at the limit, `certificate` as DER or empty."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    certificate: bytes = b""


@dataclass(frozen=True)
class Sighting:
    """The answers on the way, the last one with its body; `elsewhere` is another site's host that was not followed.

    `distrust` says why a certificate on the way would not have been accepted.
    """

    hops: tuple[Hop, ...]
    elsewhere: str = ""
    distrust: str = ""


def http_unverified_for_detection(
    url: str,
    *,
    headers: Mapping[str, str],
    deadline: Deadline,
    max_bytes: int,
    redirects: int = 0,
    family: int | None = None,
) -> Sighting:
    """GET `url` even where its certificate is not valid, and up to `redirects` hops within its registered domain.

    Blocks. Bodies are cut at `max_bytes`, and at the deadline. Raises as `http` does, but tls_failed only where nothing
    can be agreed on.
    """
    question = Question("GET", parse_url(url), {k.lower(): v for k, v in headers.items()}, b"")
    hops: list[Hop] = []
    distrust = elsewhere = ""
    while True:
        hop, reason = _seen(question, deadline, max_bytes, family)
        hops.append(hop)
        distrust = distrust or reason
        told = joined_headers([(name.encode(), value.encode("latin-1")) for name, value in hop.headers])
        if hop.status not in REDIRECTS or "location" not in told or len(hops) > redirects:
            break
        further = following(question, hop.status, told)
        if registrable_domain(further.address.host) != registrable_domain(question.address.host):
            elsewhere = further.address.host
            break
        question = further
    return Sighting(tuple(hops), elsewhere, distrust)


def _seen(question: Question, deadline: Deadline, max_bytes: int, family: int | None) -> tuple[Hop, str]:
    """The answer, and why its certificate is not trusted."""
    try:
        return exchanged(question, client_context(alpn="http/1.1"), deadline, max_bytes, family), ""
    except Unreachable as problem:
        if problem.code != "tls_failed":
            raise
        context = context_that_verifies_nothing()
        return exchanged(question, context, deadline, max_bytes, family), str(problem.params["reason"])


def exchanged(
    question: Question, context: ssl.SSLContext, deadline: Deadline, max_bytes: int, family: int | None
) -> Hop:
    """One answer by `context`, the body cut at `max_bytes`."""
    address = question.address
    wire = Wire(deadline, allowance=max_bytes + _HEAD_BYTES, family=family)
    with (
        httpcore_failures(address.host),
        httpcore.ConnectionPool(ssl_context=context, network_backend=wire) as pool,
        pool.stream(
            question.method, address.for_httpcore(), headers=wire_headers(address, question.headers)
        ) as response,
    ):
        # Before the body is read: the connection is closed with its end.
        certificate = response.extensions["network_stream"].get_extra_info("peer_certificate")
        return Hop(
            url=str(address),
            status=response.status,
            headers=tuple((name.decode("ascii").lower(), value.decode("latin-1")) for name, value in response.headers),
            body=_beginning(response, max_bytes),
            certificate=certificate or b"",
        )


def _beginning(response: httpcore.Response, max_bytes: int) -> bytes:
    """As much of the body as comes before the limit, the deadline or a broken connection."""
    body = bytearray()
    try:
        for chunk in response.iter_stream():
            body += chunk
            if len(body) >= max_bytes:
                break
    except (Unreachable, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    return bytes(body[:max_bytes])
