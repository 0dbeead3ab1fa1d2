"""Real servers that let TLS begin after a few words: mail, files, directory, chat and databases.

Each needs a certificate and offers TLS with it; none has any user, mail or data.
"""

import getpass
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.ca import Issued
from tests.servers.child import Child, is_root
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import accepts, free_port

_DOVECOT = """\
base_dir = {place}/run
log_path = {place}/dovecot.log
protocols = imap pop3
listen = 127.0.0.1
ssl = {tls}
ssl_cert = <{place}/fullchain.pem
ssl_key = <{place}/key.pem
mail_location = maildir:{place}/mail
passdb {{
  driver = static
  args = nopassword=y
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
{users}
"""

_VSFTPD = """\
background=NO
listen=YES
listen_address=127.0.0.1
listen_port={port}
anonymous_enable=NO
local_enable=YES
ssl_enable={tls}
rsa_cert_file={place}/fullchain.pem
rsa_private_key_file={place}/key.pem
ssl_tlsv1=YES
secure_chroot_dir={place}/empty
{users}
"""

_SLAPD = """\
pidfile {place}/slapd.pid
{tls}
"""

_PROSODY = """\
daemonize = false
pidfile = "{place}/prosody.pid"
data_path = "{place}/data"
log = {{ info = "{place}/prosody.log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {clients} }}
s2s_ports = {{ {servers} }}
modules_enabled = {{ {modules} }}
c2s_require_encryption = false
s2s_require_encryption = false
allow_unencrypted_plain_auth = true
modules_disabled = {{ "offline" }}
VirtualHost "{host}"
  ssl = {{ certificate = "{place}/fullchain.pem", key = "{place}/key.pem" }}
"""


@dataclass(frozen=True)
class Running:
    """Ports on 127.0.0.1 by protocol; its configuration and its certificate lie in `place`."""

    ports: dict[str, int]
    place: Path = Path()


@contextmanager
def _served(
    name: str, certificate: Issued, configuration: str, command: str, user: str | None = None, /, **values: object
) -> Iterator[Path]:
    """Write the configuration into a directory of its own, start `command` (root: as `user`), stop it at the end."""
    with private_directory(name, shared=True) as place:
        for directory in ("run", "empty", "data", "certs"):
            (place / directory).mkdir()
        certificate.write(place)
        path = place / f"{name}.cfg.lua"  # Prosody takes no other ending; the others take any.
        path.write_text(configuration.format(place=place, **values))
        path.chmod(0o600)
        if user and is_root():
            for each in (place, *place.rglob("*")):
                shutil.chown(each, user, user)
        argv = command.format(path=path, place=place, **values).split()
        child = Child(name, argv, log=place / "output.log", env=plain_environment(), user=user)
        ports = [value for value in values.values() if isinstance(value, int)]
        try:
            child.wait_ready(lambda: all(accepts(port) for port in ports))
            yield place
        finally:
            child.stop()


def _me(template: str) -> str:
    """Programs that change to users of their own can do so only as root."""
    return "" if is_root() else template.format(me=getpass.getuser())


@contextmanager
def dovecot(certificate: Issued, *, tls: bool = True) -> Iterator[Running]:
    """IMAP and POP3; without `tls` both lack it."""
    ports = {"imap": free_port(), "pop3": free_port()}
    users = _me("default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group =")
    command = "dovecot -F -c {path}"
    with _served("dovecot", certificate, _DOVECOT, command, tls="yes" if tls else "no", users=users, **ports) as place:
        yield Running(ports, place)


@contextmanager
def vsftpd(certificate: Issued, *, tls: bool = True) -> Iterator[Running]:
    port = free_port()
    users = _me("run_as_launching_user=YES")
    word = "YES" if tls else "NO"
    with _served("vsftpd", certificate, _VSFTPD, "vsftpd {path}", tls=word, users=users, port=port):
        yield Running({"ftp": port})


@contextmanager
def slapd(certificate: Issued, *, tls: bool = True) -> Iterator[Running]:
    port = free_port()
    lines = "TLSCertificateFile {place}/fullchain.pem\nTLSCertificateKeyFile {place}/key.pem" if tls else ""
    configuration = _SLAPD.replace("{tls}", lines)
    command = "slapd -d 0 -f {path} -h ldap://127.0.0.1:{port}"
    with _served("slapd", certificate, configuration, command, port=port):
        yield Running({"ldap": port})


@contextmanager
def prosody(certificate: Issued, host: str, *, tls: bool = True) -> Iterator[Running]:
    """XMPP for clients and for servers of `host`."""
    modules = '"saslauth", "dialback"' + (', "tls"' if tls else "")
    clients, servers = free_port(), free_port()
    command = "prosody --config {path} -F"
    ports: dict[str, object] = {"clients": clients, "servers": servers}
    with _served("prosody", certificate, _PROSODY, command, "prosody", host=host, modules=modules, **ports):
        yield Running({"xmpp_client": clients, "xmpp_server": servers})


@contextmanager
def mariadb(certificate: Issued, *, tls: bool = True) -> Iterator[Running]:
    """Speaks MySQL's protocol; without tables of its own it starts in half a second."""
    port = free_port()
    with_tls = "--ssl-cert={place}/fullchain.pem --ssl-key={place}/key.pem" if tls else "--skip-ssl"
    command = (
        "mariadbd --no-defaults --user=" + getpass.getuser() + " --datadir={place}/data --skip-grant-tables "
        "--skip-innodb --default-storage-engine=Aria --bind-address=127.0.0.1 --port={port} "
        "--socket={place}/run/m.sock --pid-file={place}/run/m.pid " + with_tls
    )
    with _served("mariadb", certificate, "", command, port=port):
        yield Running({"mysql": port})
