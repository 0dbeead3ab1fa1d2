"""A private Postfix that offers STARTTLS and takes no mail. It can be started only as root."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.ca import Issued
from tests.servers.child import Child
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import accepts, free_port

_MAIN = """\
compatibility_level = 3.6
queue_directory = {place}/spool
data_directory = {place}/data
maillog_file = {place}/postfix.log
maillog_file_prefixes = {place}
mail_owner = postfix
setgid_group = postdrop
myhostname = {host}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = reject
smtpd_tls_security_level = may
smtpd_tls_cert_file = {place}/tls/fullchain.pem
smtpd_tls_key_file = {place}/tls/key.pem
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
rewrite unix - - n - - trivial-rewrite
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running Postfix: its port on 127.0.0.1, its certificate in `certificates`."""

    place: Path
    port: int

    @property
    def certificates(self) -> Path:
        return self.place / "tls"

    def command(self, verb: str) -> str:
        """`check` tries the configuration, `reload` takes it and the certificate into use; both as root."""
        return f"/usr/sbin/postfix -c {self.place}/etc {verb}"


@contextmanager
def postfix(certificate: Issued, host: str) -> Iterator[Postfix]:
    with private_directory("postfix", shared=True) as place:
        for name in ("etc", "spool", "data", "tls"):
            (place / name).mkdir(mode=0o755)
        shutil.chown(place / "data", "postfix")
        server = Postfix(place, free_port())
        certificate.write(server.certificates)
        (place / "etc/main.cf").write_text(_MAIN.format(place=place, host=host))
        (place / "etc/master.cf").write_text(_MASTER.format(port=server.port))
        child = Child("postfix", server.command("start-fg").split(), log=place / "output.log", env=plain_environment())
        try:
            child.wait_ready(lambda: accepts(server.port))
            yield server
        finally:
            child.stop()
