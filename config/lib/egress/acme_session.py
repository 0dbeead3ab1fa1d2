"""The HTTP side of an ACME client: one certificate authority, one host."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import httpcore
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from .deadline import Deadline
from .http import httpcore_failures, read_body, wire_headers
from .refusals import Refused
from .transport import Address, Wire, parse_url
from .trust import client_context

# Chains are a few KB; Let's Encrypt's longest answers stay under 20.
_MAX_BYTES = 262_144
_SECONDS = 30.0
# Shorter than any authority's own patience, which is five seconds at some: a kept connection must not end while it
# is written to.
_KEPT_SECONDS = 3.0


def acme_session(directory_url: str, ca_bundle: str | None = None) -> requests.Session:
    """A session for the `acme` library's ClientNetwork, kept alive between requests, for one thread.

    It reaches the scheme, host and port of `directory_url` and nothing else: the URLs in a CA's
    answers are input. TLS is verified against `ca_bundle`, else the public roots and
    TLS_EXTRA_CA_BUNDLE, whatever `verify` says. A `timeout` is the total of its request (30 s
    at most). A redirect is refused. Raises Refused and Unreachable, not requests' errors.
    """
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    adapter = _BoundAdapter(parse_url(directory_url), ca_bundle or None)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


class _BoundAdapter(BaseAdapter):
    def __init__(self, directory: Address, ca_bundle: str | None) -> None:
        super().__init__()
        self._directory = directory
        self._wire = Wire(Deadline(_SECONDS))
        self._pool = httpcore.ConnectionPool(
            ssl_context=client_context(ca_bundle, alpn="http/1.1"),
            network_backend=self._wire,
            max_connections=1,
            keepalive_expiry=_KEPT_SECONDS,
        )

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        address = parse_url(request.url or "")
        if address.origin != self._directory.origin:
            raise Refused("egress_refused", host=address.host)
        self._wire.deadline = Deadline(_seconds(timeout))
        body = _bytes(request.body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        with (
            httpcore_failures(address.host),
            self._pool.stream(
                request.method or "GET",
                address.for_httpcore(),
                headers=wire_headers(address, headers),
                content=body or None,
            ) as answer,
        ):
            if 300 <= answer.status < 400:
                # No authority redirects its API; requests would follow even to another host.
                raise Refused("egress_refused", host=address.host)
            return _response(request, answer, read_body(answer, _MAX_BYTES))

    def close(self) -> None:
        self._pool.close()


def _seconds(timeout: Any) -> float:
    return min(float(timeout), _SECONDS) if isinstance(timeout, (int, float)) else _SECONDS


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def _response(request: requests.PreparedRequest, answer: httpcore.Response, body: bytes) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(
        (name.decode("ascii"), value.decode("latin-1")) for name, value in answer.headers
    )
    response.raw = BytesIO(body)
    response._content = body
    response.url = request.url or ""
    response.request = request
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    return response
