"""Apache httpd with an old certificate, run by the deploy user."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ca import Issued, TestCa
from tests.servers.child import Child
from tests.servers.nginx import served_fingerprint
from tests.servers.people import DeployUser
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import accepts, free_port

_MODULES = "/usr/lib/apache2/modules"
_NAMES = ("mpm_event", "authz_core", "mime", "alias", "dir", "rewrite", "socache_shmcb", "ssl")
_CONFIGURATION = """\
ServerRoot {place}
ServerName localhost
PidFile {place}/apache.pid
Mutex file:{place} default
ErrorLog {place}/error.log
{modules}
TypesConfig /dev/null
StartServers 1
Listen {host}:{http_port}
Listen {host}:{https_port}
<Directory {place}/www>
  Require all granted
</Directory>
<VirtualHost {host}:{http_port}>
  DocumentRoot {place}/www
  RewriteEngine on
  IncludeOptional {place}/before*.inc
</VirtualHost>
<VirtualHost {host}:{https_port}>
  DocumentRoot {place}/www
  SSLEngine on
  SSLCertificateFile {certificates}/fullchain.pem
  SSLCertificateKeyFile {certificates}/key.pem
</VirtualHost>
"""


class Apache:
    """A running Apache. Beware: a reload with a wrong pair answers 0 and then it is gone."""

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
        self.configuration = place / "apache.conf"
        self.child: Child | None = None

    def _command(self, *arguments: str) -> str:
        binary = shutil.which("apache2", path="/usr/sbin:/usr/bin") or "apache2"
        return " ".join([binary, "-f", str(self.configuration), *arguments])

    @property
    def start_command(self) -> str:
        return self._command("-D", "FOREGROUND")

    @property
    def test_command(self) -> str:
        return self._command("-t")

    @property
    def reload_command(self) -> str:
        return self._command("-k", "graceful")

    def fingerprint(self, name: str) -> str:
        return served_fingerprint(self.https_port, name, self.host)


def _prepare(server: Apache, user: DeployUser) -> None:
    for directory in (server.place, server.document_root, server.certificates):
        directory.mkdir(exist_ok=True)
    (server.document_root / "index.html").write_text("<p>It works.</p>\n")
    modules = "\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _NAMES)
    server.configuration.write_text(
        _CONFIGURATION.format(
            place=server.place,
            host=server.host,
            modules=modules,
            certificates=server.certificates,
            http_port=server.http_port,
            https_port=server.https_port,
        )
    )
    server.old.write(server.certificates)
    paths = [server.place, *server.place.rglob("*")]
    user.own(*paths, server.certificates, *server.certificates.iterdir())


@contextmanager
def apache(
    user: DeployUser,
    names: Sequence[str],
    *,
    old: Issued | None = None,
    host: str = "127.0.0.1",
    http_port: int = 0,
    https_port: int = 0,
) -> Iterator[Apache]:
    """Start Apache as `user`, serving `old` (or a certificate with 11 days left) for `names`."""
    old = old or TestCa("Old").issue(names, days=90, age_days=79)
    with private_directory("apache", shared=True) as outer:
        place, ports = outer / "server", {"http_port": http_port, "https_port": https_port}
        server = Apache(place, outer / "certificates", old, host=host, **ports)
        _prepare(server, user)
        child = Child(
            "apache",
            server.start_command.split(),
            log=outer / "output.log",
            env=plain_environment(),
            user=user.name,
        )
        server.child = child
        try:
            # It listens before it has written down its process, by which `-k graceful` finds it.
            child.wait_ready(lambda: (place / "apache.pid").exists() and accepts(server.https_port, host))
            yield server
        finally:
            child.stop()
