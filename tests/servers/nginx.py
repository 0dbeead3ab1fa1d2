"""nginx with an old certificate, run by the deploy user so that its reload needs no sudo."""

import hashlib
import shutil
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ca import Issued, TestCa
from tests.servers.child import Child
from tests.servers.people import DeployUser
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import accepts, free_port

_CONFIGURATION = """\
daemon off;
pid {place}/nginx.pid;
error_log {place}/error.log notice;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log {place}/access.log;
  client_body_temp_path {place}/temporary/body;
  proxy_temp_path {place}/temporary/proxy;
  fastcgi_temp_path {place}/temporary/fastcgi;
  uwsgi_temp_path {place}/temporary/uwsgi;
  scgi_temp_path {place}/temporary/scgi;
  server {{
    listen {host}:{http_port};
    root {place}/www;
    include {place}/before.inc;
    location / {{ include {place}/location.inc; }}
  }}
  server {{
    listen {host}:{https_port} ssl;
    root {place}/www;
    ssl_certificate {certificates}/fullchain.pem;
    ssl_certificate_key {certificates}/key.pem;
  }}
  include {place}/sites.inc;
}}
"""
_SITE = """server {{
  listen {host}:{https_port} ssl;
  server_name {name};
  root {place}/www;
  ssl_certificate {directory}/fullchain.pem;
  ssl_certificate_key {directory}/key.pem;
}}
"""


def served_fingerprint(port: int, name: str, host: str = "127.0.0.1") -> str:
    """SHA-256 of the leaf that a TLS server presents for a name, by the standard library."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=5) as connection,
        context.wrap_socket(connection, server_hostname=name) as tls,
    ):
        der = tls.getpeercert(binary_form=True)
    assert der is not None
    return hashlib.sha256(der).hexdigest()


class Nginx:
    """A running nginx with one http and one https host, on one address of 127.0.0.0/8."""

    def __init__(
        self, place: Path, certificates: Path, old: Issued, *, host: str, http_port: int, https_port: int
    ) -> None:
        self.host = host
        self.place = place
        self.certificates = certificates
        self.old = old
        self.http_port = http_port or free_port()
        self.https_port = https_port or free_port()
        self.document_root = place / "www"
        self.configuration = place / "nginx.conf"
        self.child: Child | None = None

    def _command(self, *arguments: str) -> str:
        binary = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "nginx"
        log = self.place / "boot.log"
        return " ".join([binary, "-c", str(self.configuration), "-e", str(log), *arguments])

    @property
    def start_command(self) -> str:
        return self._command()

    @property
    def test_command(self) -> str:
        return self._command("-t")

    @property
    def reload_command(self) -> str:
        return self._command("-s", "reload")

    def fingerprint(self, name: str) -> str:
        """Fingerprint of what is served now for a name."""
        return served_fingerprint(self.https_port, name, self.host)

    def break_configuration(self) -> None:
        """From now on `nginx -t` and a reload fail; the running workers go on."""
        text = self.configuration.read_text()
        self.configuration.write_text(f"no_such_directive on;\n{text}")

    def mend_configuration(self) -> None:
        text = self.configuration.read_text()
        self.configuration.write_text(text.removeprefix("no_such_directive on;\n"))

    def redirect_everything(self) -> None:
        """Answer every plain request with 301 to https (after the next reload)."""
        target = f"https://$host:{self.https_port}$request_uri"
        (self.place / "location.inc").write_text(f"return 301 {target};\n")


def _prepare(server: Nginx, user: DeployUser, sites: Sequence[str]) -> None:
    place = server.place
    for directory in (place, place / "temporary", server.document_root, server.certificates):
        directory.mkdir(exist_ok=True)
    (server.document_root / "index.html").write_text("<p>It works.</p>\n")
    server.configuration.write_text(
        _CONFIGURATION.format(
            place=place,
            host=server.host,
            certificates=server.certificates,
            http_port=server.http_port,
            https_port=server.https_port,
        )
    )
    for name in ("before.inc", "location.inc"):
        (place / name).touch()
    (place / "sites.inc").write_text("".join(_add_site(server, name) for name in sites))
    server.old.write(server.certificates)
    user.own(*[place, *place.rglob("*"), server.certificates, *server.certificates.rglob("*")])


def _add_site(server: Nginx, name: str) -> str:
    directory = server.certificates / name
    directory.mkdir()
    server.old.write(directory)
    known = {"place": server.place, "host": server.host, "https_port": server.https_port}
    return _SITE.format(name=name, directory=directory, **known)


@contextmanager
def nginx(
    user: DeployUser,
    names: Sequence[str],
    *,
    old: Issued | None = None,
    host: str = "127.0.0.1",
    http_port: int = 0,
    https_port: int = 0,
    sites: Sequence[str] = (),
) -> Iterator[Nginx]:
    """Start nginx as `user`, serving `old` (or a certificate with 11 days left) for `names`.

    The four files lie in `.certificates`, which the user may write; `.reload_command` works in
    the user's SSH session. Each of `sites` has its own files in a folder of its name in there.
    """
    old = old or TestCa("Old").issue(names, days=90, age_days=79)
    with private_directory("nginx", shared=True) as outer:
        place, ports = outer / "server", {"http_port": http_port, "https_port": https_port}
        server = Nginx(place, outer / "certificates", old, host=host, **ports)
        _prepare(server, user, sites)
        child = Child(
            "nginx",
            server.start_command.split(),
            log=outer / "output.log",
            env=plain_environment(),
            user=user.name,
        )
        server.child = child
        try:
            child.wait_ready(lambda: accepts(server.https_port, host))
            yield server
        finally:
            child.stop()
