"""A CA at the wire that proves nothing and signs for any name at once, by the portal's clock: time may be simulated.

`trouble` is what it answers instead: a status, or `REFUSES`, for which its port is closed.
"""

import base64
import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from config.lib import clock
from tests.servers.ca import TestCa, new_key
from tests.servers.places import private_directory

REFUSES = -1
_KEY = new_key()
_ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simple Intermediate")])


@dataclass
class SimpleCa:
    """`asked` are (when, path) of what came, `orders` and `revoked` what it did."""

    directory_url: str
    ca_bundle: Path
    life: timedelta = timedelta(days=90)
    trouble: int = 0
    asked: list[tuple[datetime, str]] = field(default_factory=list)
    ordered_at: list[datetime] = field(default_factory=list)
    revoked: list[int] = field(default_factory=list)
    _orders: list[dict[str, Any]] = field(default_factory=list)

    @property
    def base(self) -> str:
        return self.directory_url.removesuffix("/dir")

    def orders_by_minute(self) -> Counter[datetime]:
        return Counter(at.replace(second=0, microsecond=0) for at in self.ordered_at)

    def answer(self, path: str, payload: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        what, _, number = path.strip("/").partition("/")
        if what == "dir":
            names = ("newNonce", "newAccount", "newOrder", "revokeCert")
            return 200, {}, _json({name: f"{self.base}/{name}" for name in names})
        if what == "newAccount":
            return 201, {"Location": f"{self.base}/account/1"}, _json({"status": "valid"})
        if what == "newOrder":
            return 201, *self._new_order(payload)
        if what == "finalize":
            self._orders[int(number)] |= {"status": "valid", "certificate": f"{self.base}/certificate/{number}"}
            self._orders[int(number)]["csr"] = payload["csr"]
        if what == "certificate":
            return 200, {}, self._certificate(self._orders[int(number)]["csr"])
        if what == "revokeCert":
            self.revoked.append(payload.get("reason", 0))
            return 200, {}, b""
        if what in ("order", "finalize"):
            return 200, {"Location": f"{self.base}/order/{number}"}, _json(self._orders[int(number)])
        return 200, {}, b""

    def _new_order(self, payload: dict[str, Any]) -> tuple[dict[str, str], bytes]:
        number = len(self._orders)
        self.ordered_at.append(clock.now())
        order = {"status": "ready", "identifiers": payload["identifiers"], "authorizations": []}
        self._orders.append({**order, "finalize": f"{self.base}/finalize/{number}"})
        return {"Location": f"{self.base}/order/{number}"}, _json(self._orders[number])

    def _certificate(self, csr: str) -> bytes:
        request = x509.load_der_x509_csr(_decoded(csr))
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        began = clock.now() - timedelta(hours=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(_ISSUER)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(began)
            .not_valid_after(began + self.life)
            .add_extension(names.value, critical=False)
        )
        return builder.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


def _json(told: object) -> bytes:
    return json.dumps(told).encode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def simple_ca() -> Iterator[SimpleCa]:
    with private_directory("simple-ca") as place:
        authority = TestCa()
        authority.issue(["localhost"]).write(place)
        (place / "root.pem").write_bytes(authority.root_pem)
        server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        ca = SimpleCa(f"https://localhost:{server.server_address[1]}/dir", place / "root.pem")
        server.RequestHandlerClass = _handler(ca)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place / "fullchain.pem", place / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield ca
        finally:
            server.shutdown()
            server.server_close()


def _handler(ca: SimpleCa) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            ca.asked.append((clock.now(), self.path))
            if ca.trouble == REFUSES:
                self.close_connection = True
                return
            if ca.trouble:
                self._reply(ca.trouble, {}, b"")
                return
            self._reply(*ca.answer(self.path, _payload(body)))

        do_GET = do_POST = do_HEAD = handle_one  # noqa: N815  (the library's names)

        def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            told = {"Replay-Nonce": "bm9uY2U", "Content-Type": "application/json", **headers}
            for name, value in told.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    return Handler


def _payload(body: bytes) -> dict[str, Any]:
    told = json.loads(body)["payload"] if body else ""
    return dict(json.loads(_decoded(told))) if told else {}
