"""HTTPS on loopback with a certificate that nobody else knows, and the bad manners of servers."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, quote_plus, urlsplit

from tests.servers.ca import Issued
from tests.servers.places import private_directory

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Log in</title></head><body><form>…</form></body></html>"


@dataclass(frozen=True)
class Request:
    """One request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True)
class Answer:
    """`body` is text or bytes as they are, or anything else as JSON."""

    status: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Done:
    """What was asked for is done, and this is answered instead of saying so."""

    answer: Answer


# silent: done, and no word about it. deaf: neither. cut: half of the answer. flood: a body without an end.
type Manner = Literal["silent", "deaf", "cut", "flood"]


class StandIn:
    """`troubles` are for requests whose target or body has the text, each once, in the order of this list."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.troubles: list[tuple[str, Answer | Done | Manner]] = []
        self.port = 0
        self.fingerprint = ""
        self.over = threading.Event()

    def respond(self, request: Request) -> Answer:
        raise NotImplementedError

    def sent(self, text: str) -> list[Request]:
        """The requests whose target or body has the text, as it is or as a form writes it."""
        spelled = (text.encode(), quote_plus(text).encode())
        return [one for one in self.requests if text in one.target or any(form in one.body for form in spelled)]

    def trouble(self, request: Request) -> Answer | Done | Manner | None:
        for position, (text, _) in enumerate(self.troubles):
            if text in request.target or text.encode() in request.body:
                return self.troubles.pop(position)[1]
        return None


@contextmanager
def panel_server[S: StandIn](made: S, issued: Issued, address: str = "127.0.0.1", port: int = 0) -> Iterator[S]:
    """Listening on loopback until the end."""
    server = _Server((address, port), _handler(made, _context(issued)))
    made.port, made.fingerprint = server.server_address[1], issued.fingerprint
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who does not like our certificate goes away in the handshake."""


def _context(issued: Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with private_directory("panel") as place:
        issued.write(place)
        context.load_cert_chain(place / "fullchain.pem", place / "key.pem")
    return context


def _handler(made: StandIn, context: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"made": made, "context": context})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    made: StandIn
    context: ssl.SSLContext

    def setup(self) -> None:
        self.request = self.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        self.made.requests.append(request)
        trouble = self.made.trouble(request)
        self.close_connection = True
        if isinstance(trouble, Answer):
            self._reply(trouble)
        elif isinstance(trouble, Done):
            self.made.respond(request)
            self._reply(trouble.answer)
        elif trouble == "deaf":
            self.made.over.wait(20)
        else:
            self._with_manners(self.made.respond(request), trouble)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  (the library's names)

    def _with_manners(self, answer: Answer, manner: Manner | None) -> None:
        if manner == "silent":
            self.made.over.wait(20)
        elif manner == "flood":
            self._flood()
        else:
            self._reply(answer, cut=manner == "cut")

    def _reply(self, answer: Answer, *, cut: bool = False) -> None:
        content = answer.content
        kind = "text/html" if content[:1] == b"<" else "application/json"
        told = {"Content-Type": kind, "Content-Length": str(len(content)), "Connection": "close"}
        self.send_response(answer.status)
        for name, value in {**told, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)

    def _flood(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        with suppress(OSError):
            while not self.made.over.is_set():
                self.wfile.write(b'{"status":1,' + b" " * 65_536)

    def log_message(self, *_arguments: object) -> None:
        return
