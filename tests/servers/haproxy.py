"""HAProxy answering by itself: with one certificate file, or with the files of a deployment, reloaded by its user."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ca import Issued
from tests.servers.child import Child
from tests.servers.nginx import served_fingerprint
from tests.servers.people import DeployUser
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import accepts, free_port

_CONFIGURATION = """\
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend site
  bind 127.0.0.1:{port} ssl crt {pem}
  http-request return status 200 content-type text/plain string "It works."
"""


class Haproxy:
    def __init__(self, port: int, place: Path = Path(), certificates: Path = Path()) -> None:
        self.port = port
        self.place = place
        self.certificates = certificates

    @property
    def test_command(self) -> str:
        return f"{_binary()} -c -q -f {self.place}/haproxy.cfg"

    @property
    def reload_command(self) -> str:
        return f"kill -USR2 $(cat {self.place}/haproxy.pid)"

    def fingerprint(self, name: str) -> str:
        """Fingerprint of what is served now for a name."""
        return served_fingerprint(self.port, name)


@contextmanager
def haproxy(pem: bytes) -> Iterator[Haproxy]:
    """Start it with `pem` as its certificate file; raises NotReadyError with its log when it refuses the file."""
    with private_directory("haproxy") as place:
        server = Haproxy(free_port())
        (place / "site.pem").write_bytes(pem)
        (place / "haproxy.cfg").write_text(_CONFIGURATION.format(port=server.port, pem=place / "site.pem"))
        child = Child("haproxy", _command(place), log=place / "output.log", env=plain_environment())
        try:
            child.wait_ready(lambda: accepts(server.port))
            yield server
        finally:
            child.stop()


@contextmanager
def reloading_haproxy(user: DeployUser, old: Issued) -> Iterator[Haproxy]:
    """A master with a worker, run by `user`: `.certificates` holds fullchain.pem and, beside it, fullchain.pem.key."""
    with private_directory("haproxy", shared=True) as outer:
        server = Haproxy(free_port(), outer / "server", outer / "certificates")
        for folder in (server.place, server.certificates):
            folder.mkdir()
        (server.certificates / "fullchain.pem").write_bytes(old.fullchain_pem)
        (server.certificates / "fullchain.pem.key").write_bytes(old.key_pem)
        pem = server.certificates / "fullchain.pem"
        (server.place / "haproxy.cfg").write_text(_CONFIGURATION.format(port=server.port, pem=pem))
        user.own(server.place, *server.place.iterdir(), server.certificates, *server.certificates.iterdir())
        command = [*_command(server.place), "-W", "-p", str(server.place / "haproxy.pid")]
        child = Child("haproxy", command, log=outer / "output.log", env=plain_environment(), user=user.name)
        try:
            child.wait_ready(lambda: accepts(server.port))
            yield server
        finally:
            child.stop()


def _binary() -> str:
    return shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "haproxy"


def _command(place: Path) -> list[str]:
    return [_binary(), "-db", "-f", str(place / "haproxy.cfg")]
