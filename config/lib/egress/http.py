"""One HTTP request to a host that somebody else chose."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import httpcore

from config.lib.errors import NeedsUser

from .deadline import Deadline
from .refusals import Refused, Unreachable
from .transport import Address, Wire, parse_url
from .trust import client_context, pinned_context

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODILESS = frozenset({"GET", "HEAD"})
_REDIRECT_PORTS = frozenset({80, 443})
# What still goes along when a redirect leads to another origin. Everything else may be a
# credential: vendors put theirs into Authorization, Cookie, X-Api-Key, PRIVATE-TOKEN …
_HARMLESS = frozenset({"accept", "accept-language", "user-agent"})


@dataclass(frozen=True)
class HttpAnswer:
    """`headers` by lower-case name, repeated ones joined by ", "; `url` is where the answer came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True)
class Question:
    method: str
    address: Address
    headers: Mapping[str, str]
    body: bytes


def http(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    deadline: Deadline,
    max_bytes: int = 262_144,
    redirects: int = 0,
    ca_bundle: str | None = None,
    pinned: str = "",
    cuts: bool = False,
) -> HttpAnswer:
    """The answer, whatever its status. Blocks until the deadline at most; nothing is repeated.

    A redirect beyond `redirects` is answered as it came. Hops are judged like the first host,
    only to ports 80 and 443, and lose all headers that may be credentials when the origin changes.
    `pinned`, a SHA-256 in lower-case hex, is the certificate that every hop has to show, in place of a verified one;
    before that nothing is written, and without TLS nothing is at all.
    Raises Refused, Unreachable (too_large beyond `max_bytes` of body, unless it `cuts` there) or
    NeedsUser("url_malformed"). Unreachable's `was_written` tells whether the request may have arrived.
    """
    question = Question(method, parse_url(url), {k.lower(): v for k, v in (headers or {}).items()}, body)
    for hop in range(redirects + 1):
        answer = _exchanged(question, deadline, max_bytes, ca_bundle, pinned, cuts)
        if answer.status not in REDIRECTS or "location" not in answer.headers or hop == redirects:
            break
        question = following(question, answer.status, answer.headers)
    return answer


def following(question: Question, status: int, headers: Mapping[str, str]) -> Question:
    """What a redirect asks for next. Raises Refused for whatever is not usual."""
    try:
        address = parse_url(urljoin(str(question.address), headers["location"]))
    except (NeedsUser, ValueError) as problem:
        raise Refused("egress_refused", host=question.address.host) from problem
    moved = address.origin != question.address.origin
    if moved and address.port not in _REDIRECT_PORTS:
        raise Refused("egress_refused", host=address.host)
    repeated = status in (307, 308) or question.method in _BODILESS
    if moved and repeated and question.body:
        raise Refused("egress_refused", host=address.host)
    return Question(
        method=question.method if repeated else "GET",
        address=address,
        headers={k: v for k, v in question.headers.items() if not moved or k in _HARMLESS},
        body=question.body if repeated else b"",
    )


def _exchanged(
    question: Question, deadline: Deadline, max_bytes: int, ca_bundle: str | None, pinned: str, cuts: bool
) -> HttpAnswer:
    address = question.address
    if pinned and address.scheme != "https":
        raise Refused("egress_refused", host=address.host)
    context = pinned_context() if pinned else client_context(ca_bundle, alpn="http/1.1")
    wire = Wire(deadline, pinned=pinned)
    with (
        _noting_written(wire),
        httpcore_failures(address.host),
        httpcore.ConnectionPool(ssl_context=context, network_backend=wire) as pool,
        pool.stream(
            question.method,
            address.for_httpcore(),
            headers=wire_headers(address, question.headers),
            content=question.body if question.body or question.method not in _BODILESS else None,
        ) as response,
    ):
        return HttpAnswer(
            status=response.status,
            headers=joined_headers(response.headers),
            body=read_body(response, max_bytes, cuts=cuts),
            url=str(address),
        )


@contextmanager
def _noting_written(wire: Wire) -> Iterator[None]:
    try:
        yield
    except Unreachable as error:
        error.was_written = wire.has_written
        raise


def wire_headers(address: Address, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """No compression is asked for, so that no small answer unfolds into a large one."""
    complete = {"user-agent": "ManageMyCert", "accept": "*/*"} | dict(headers)
    complete |= {"host": address.host_header, "accept-encoding": "identity"}
    # httpcore adds the length of what it sends.
    complete.pop("content-length", None)
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in complete.items()]


def joined_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def read_body(response: httpcore.Response, max_bytes: int, *, cuts: bool = False) -> bytes:
    """Raises Unreachable("too_large") as soon as more than `max_bytes` have come, or leaves out the rest."""
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > max_bytes and cuts:
            return bytes(body[:max_bytes])
        if len(body) > max_bytes:
            raise Unreachable("too_large", limit=max_bytes)
    return bytes(body)


@contextmanager
def httpcore_failures(host: str) -> Iterator[None]:
    """httpcore's errors as ours. Their texts are left out: they quote the headers of the request."""
    try:
        yield
    except httpcore.LocalProtocolError:
        raise NeedsUser("url_malformed") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        raise Unreachable("http_failed", host=host) from None
