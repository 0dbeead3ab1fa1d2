"""The peer for visits: prometheus-blackbox-exporter, probing what we probe."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import local
from urllib.parse import quote

from tests.bench.farm import Farm
from tests.servers.child import Child
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import accepts, free_port

# One root in the CA file: it is read again for every probe, and with all public roots the
# exporter would need four times as long for no more work.
_CONFIGURATION = """\
modules:
  tcp:
    prober: tcp
    timeout: 10s
    tcp: {{preferred_ip_protocol: ip4, tls: true, tls_config: {{ca_file: {bundle}}}}}
  http:
    prober: http
    timeout: 10s
    http: {{preferred_ip_protocol: ip4, follow_redirects: false, tls_config: {{ca_file: {bundle}}}}}
"""


class Blackbox:
    """A running exporter; `probe` returns CPU seconds used by it alone."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid
        self._own = local()

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _ask(self, path: str) -> bool:
        connection: HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        return b"\nprobe_success 1\n" in connection.getresponse().read()

    def probe(self, paths: Sequence[str], in_flight: int) -> float:
        """Probe all; every probe must succeed."""
        before = self.cpu_seconds()
        with ThreadPoolExecutor(in_flight) as pool:
            succeeded = sum(pool.map(self._ask, paths))
        if succeeded != len(paths):
            raise RuntimeError(f"{len(paths) - succeeded} of {len(paths)} probes failed")
        return self.cpu_seconds() - before


def paths_of(hosts: Farm, module: str) -> list[str]:
    scheme = "https://" if module == "http" else ""
    return [f"/probe?module={module}&target={quote(f'{scheme}{address}:{hosts.port}')}" for _, address in hosts.hosts]


@contextmanager
def blackbox(hosts: Farm) -> Iterator[Blackbox]:
    """Start the exporter on loopback."""
    port = free_port()
    with private_directory("blackbox") as place:
        configuration = place / "blackbox.yml"
        configuration.write_text(_CONFIGURATION.format(bundle=hosts.ca_bundle))
        argv = ["prometheus-blackbox-exporter", f"--config.file={configuration}"]
        argv += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        child = Child("blackbox", argv, log=place / "blackbox.log", env=plain_environment())
        try:
            child.wait_ready(lambda: accepts(port))
            yield Blackbox(port, child.pid)
        finally:
            child.stop()
