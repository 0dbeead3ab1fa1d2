"""Stand-ins for DNS providers' interfaces at the wire: Cloudflare's over TLS, PowerDNS's over HTTP.

They answer what the documentation of both says, keep the records, and refuse as told.
"""

import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

type Answer = tuple[int, Any]


class DnsApi:
    """`records` are (name, value); `refuse` is an HTTP status for everything, `headers` go with it."""

    def __init__(self, zone: str, token: str) -> None:
        self.zone = zone
        self.token = token
        self.records: list[tuple[str, str]] = []
        self.asked: list[str] = []
        self.refuse = 0
        self.headers: dict[str, str] = {}
        self.redirect = ""
        self.port = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def handle(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        raise NotImplementedError

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.asked.append(f"{method} {path}")
        try:
            if self.refuse:
                return self.refuse, {"errors": [{"code": 1, "message": f"no, {self.token}"}]}
            return self.handle(method, path, headers, body)
        finally:
            with self._lock:
                self._at_once -= 1


class Cloudflare(DnsApi):
    def handle(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        if headers.get("Authorization") != f"Bearer {self.token}":
            return 403, {"success": False, "errors": [{"code": 9109, "message": "Invalid access token"}]}
        parts = urlsplit(path)
        if parts.path == "/client/v4/zones":
            return 200, self._page([{"id": "z1", "name": self.zone}])
        if parts.path == "/client/v4/zones/z1":
            return 200, {"success": True, "result": {"id": "z1", "name": self.zone}}
        found = re.fullmatch(r"/client/v4/zones/z1/dns_records(?:/r(\d+))?", parts.path)
        if not found:
            return 404, {"success": False, "errors": [{"code": 7003, "message": "no such zone"}]}
        return self._records(method, found[1], dict(parse_qsl(parts.query)), body)

    def _records(self, method: str, number: str | None, query: dict[str, str], body: Any) -> Answer:
        if method == "POST":
            self.records.append((body["name"].rstrip("."), body["content"].strip('"')))
            return 200, {"success": True, "result": {"id": f"r{len(self.records)}"}}
        if method == "DELETE" and number:
            self.records[int(number) - 1] = ("", "")
            return 200, {"success": True, "result": {"id": f"r{number}"}}
        shown = [
            {"id": f"r{position}", "type": "TXT", "name": name, "content": f'"{value}"', "ttl": 60}
            for position, (name, value) in enumerate(self.records, 1)
            if name and query.get("name", name).rstrip(".") == name and query.get("content", value).strip('"') == value
        ]
        return 200, self._page(shown)

    def _page(self, rows: list[Any]) -> dict[str, Any]:
        return {"success": True, "result": rows, "result_info": {"page": 1, "total_pages": 1}}

    def left(self) -> list[tuple[str, str]]:
        return [record for record in self.records if record[0]]


class PowerDns(DnsApi):
    def handle(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        if headers.get("X-API-Key") != self.token:
            return 401, {"error": "Unauthorized"}
        if not urlsplit(path).path.startswith(f"/api/v1/servers/localhost/zones/{self.zone}"):
            return 404, {"error": "Could not find domain"}
        if method == "PATCH":
            self._patch(body)
            return 204, None
        return 200, {"name": f"{self.zone}.", "kind": "Native", "rrsets": self._rrsets()}

    def _patch(self, body: Any) -> None:
        for rrset in body["rrsets"]:
            name = rrset["name"].rstrip(".")
            self.records = [record for record in self.records if record[0] != name]
            if rrset["changetype"] == "REPLACE":
                self.records += [(name, record["content"].strip('"')) for record in rrset["records"]]

    def _rrsets(self) -> list[Any]:
        names = dict.fromkeys(name for name, _ in self.records)
        return [
            {
                "name": f"{name}.",
                "type": "TXT",
                "ttl": 60,
                "records": [{"content": f'"{value}"', "disabled": False} for own, value in self.records if own == name],
            }
            for name in names
        ]

    def left(self) -> list[tuple[str, str]]:
        return self.records


@contextmanager
def served[A: DnsApi](api: A, host: str, port: int, certificate: Path | None = None) -> Iterator[A]:
    """Answer at host:port, over TLS where a directory with fullchain.pem and key.pem is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(size)
            body = json.loads(text) if text else None
            if api.redirect:
                self.send_response(302)
                self.send_header("Location", api.redirect)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            status, answer = api.answer(self.command, self.path, self.headers, body)
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**api.headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "fullchain.pem", certificate / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    api.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
