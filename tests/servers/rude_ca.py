"""A CA in front of Pebble that says what a test wants it to: what is not scripted is Pebble's own answer."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.ca import TestCa
from tests.servers.pebble import Pebble
from tests.servers.places import private_directory

PROBLEM = "urn:ietf:params:acme:error:"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass
class Answer:
    """What is said instead of Pebble's own answer; `headers` beside those of every problem document."""

    status: int
    kind: str = ""
    detail: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def wire(self) -> bytes:
        told = {"type": PROBLEM + self.kind, "detail": self.detail, "status": self.status}
        return self.body or json.dumps(told).encode()


@dataclass
class RudeCa:
    """`say` scripts the next answers to POSTs whose path begins with something; `asked` are the paths that came."""

    directory_url: str
    ca_bundle: Path
    asked: list[str] = field(default_factory=list)
    _scripted: dict[str, list[Answer]] = field(default_factory=dict)

    def say(self, path: str, *answers: Answer) -> None:
        self._scripted[path] = list(answers)

    def scripted(self, path: str) -> Answer | None:
        self.asked.append(path)
        for begin, answers in self._scripted.items():
            if path.startswith(begin) and answers:
                return answers.pop(0)
        return None


@contextmanager
def rude_ca(behind: Pebble) -> Iterator[RudeCa]:
    with private_directory("rude-ca") as place:
        authority = TestCa()
        authority.issue(["localhost"]).write(place)
        (place / "root.pem").write_bytes(authority.root_pem)
        server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        rude = RudeCa(f"https://localhost:{server.server_address[1]}/dir", place / "root.pem")
        server.RequestHandlerClass = _handler(rude, behind)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place / "fullchain.pem", place / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield rude
        finally:
            server.shutdown()
            server.server_close()


def _handler(rude: RudeCa, behind: Pebble) -> type[BaseHTTPRequestHandler]:
    parts = urlsplit(behind.directory_url)
    trust = ssl.create_default_context(cafile=str(behind.ca_bundle))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            scripted = rude.scripted(self.path) if self.command == "POST" else None
            if scripted:
                told = {"Content-Type": "application/problem+json", **scripted.headers}
                self._reply(scripted.status, told, scripted.wire())
                return
            # Pebble makes its URLs from the Host header, and signatures cover them: it must stay ours.
            with closing(HTTPSConnection(parts.hostname or "", parts.port, timeout=20, context=trust)) as onward:
                onward.request(self.command, self.path, body=body or None, headers=dict(self.headers))
                answer = onward.getresponse()
                headers = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
                self._reply(answer.status, headers, answer.read())

        do_GET = do_POST = do_HEAD = handle_one  # noqa: N815  (the library's names)

        def _reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    return Handler
