"""The peer for issuances: lego, a process per certificate, as people run it."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble
from tests.servers.places import plain_environment, private_directory


@contextmanager
def record_keeper(dns: ChallengeDns) -> Iterator[str]:
    """What lego's `httpreq` provider talks to: publishes TXT records without a process per record."""

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/present":
                dns.set_txt(body["fqdn"], body["value"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keeper)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Lego:
    """Issues one name at a time with the same account; CPU and wall seconds of the whole process."""

    def __init__(self, dns: ChallengeDns, server: Pebble, keeper_url: str, place: Path) -> None:
        self._log = place / "lego.log"
        self._environment = plain_environment(
            LEGO_CA_CERTIFICATES=str(server.ca_bundle),
            HTTPREQ_ENDPOINT=keeper_url,
        )
        self._command = ["lego", "--server", server.directory_url, "--accept-tos", "--email", "b@bench.example"]
        self._command += ["--path", str(place), "--key-type", "ec256", "--dns", "httpreq", "--dns.disable-cp"]
        self._command += ["--dns.resolvers", dns.address]

    def issue(self, name: str) -> dict[str, float]:
        started = time.monotonic()
        with self._log.open("ab") as log:
            popen = subprocess.Popen(
                [*self._command, "--domains", name, "run"], env=self._environment, stdout=log, stderr=log
            )
            _, status, usage = os.wait4(popen.pid, 0)
            popen.returncode = os.waitstatus_to_exitcode(status)
        if popen.returncode:
            raise RuntimeError(f"lego: {self._log.read_text()[-1000:]}")
        return {"cpu_seconds": usage.ru_utime + usage.ru_stime, "wall_seconds": time.monotonic() - started}


@contextmanager
def lego(dns: ChallengeDns, server: Pebble) -> Iterator[Lego]:
    with private_directory("lego") as place, record_keeper(dns) as url:
        yield Lego(dns, server, url, place)
