"""HAProxy with one certificate file, answering by itself."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.child import Child
from tests.servers.nginx import served_fingerprint
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import accepts, free_port

_CONFIGURATION = """\
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend site
  bind 127.0.0.1:{port} ssl crt {place}/site.pem
  http-request return status 200 content-type text/plain string "It works."
"""


class Haproxy:
    def __init__(self, port: int) -> None:
        self.port = port

    def fingerprint(self, name: str) -> str:
        """Fingerprint of what is served now for a name."""
        return served_fingerprint(self.port, name)


@contextmanager
def haproxy(pem: bytes) -> Iterator[Haproxy]:
    """Start it with `pem` as its certificate file; raises NotReadyError with its log when it refuses the file."""
    with private_directory("haproxy") as place:
        server = Haproxy(free_port())
        (place / "site.pem").write_bytes(pem)
        (place / "haproxy.cfg").write_text(_CONFIGURATION.format(port=server.port, place=place))
        child = Child("haproxy", _command(place), log=place / "output.log", env=plain_environment())
        try:
            child.wait_ready(lambda: accepts(server.port))
            yield server
        finally:
            child.stop()


def _command(place: Path) -> list[str]:
    binary = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "haproxy"
    return [binary, "-db", "-f", str(place / "haproxy.cfg")]
