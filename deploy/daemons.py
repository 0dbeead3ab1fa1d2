"""How daemons take a new certificate: the line to reload each, with its own configuration test first. Pure data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from deploy.sudoers import plain_words, wanted_program

WEB = ("tls",)
_FULLCHAIN, _KEY = "{directory}/fullchain.pem", "{directory}/key.pem"
# Where TLS begins at once the port tells what speaks below it.
_BY_PORT = {465: "smtp", 993: "imap", 995: "pop3", 5061: "sip"}


@dataclass(frozen=True)
class Package:
    """The same daemon as other systems have it: its program, where its configuration lies, and how it is reloaded."""

    name: str
    program: str
    configuration: str
    reload: tuple[str, ...]


@dataclass(frozen=True)
class Daemon:
    """`reload` are lines for the form, in order; `configure` is what names the files in the daemon's configuration.

    `programs` are the names under which it runs, `usual` where its configuration lies, `protocols` what it serves.
    `directly` tells a daemon whose configuration lies elsewhere, where a service manager may not know it.
    """

    name: str
    reload: tuple[str, ...]
    configure: str
    programs: tuple[str, ...]
    usual: str
    protocols: tuple[str, ...] = WEB
    directly: tuple[str, ...] = ()
    packages: tuple[Package, ...] = ()

    @property
    def all_programs(self) -> tuple[str, ...]:
        return (*self.programs, *(one.program for one in self.packages))

    @property
    def configurations(self) -> tuple[str, ...]:
        """Every place where one may lie that nobody moved."""
        return tuple(path for path in (self.usual, *(one.configuration for one in self.packages)) if path)

    def configuration_of(self, program: str) -> str:
        """What `program`, a name without path, reads unless it is told otherwise; empty where nobody knows."""
        return next((one.configuration for one in self.packages if one.program == program), self.usual)

    def reload_of(self, program: str, configuration: str) -> tuple[str, ...]:
        """By the name of what runs; where nothing was seen to run, by the configuration that lies there."""
        for one in self.packages:
            if program == one.program or (not program and configuration == one.configuration):
                return one.reload
        return self.reload


# The test runs first, as its own line: when it fails, nothing is reloaded and the files go back.
DAEMONS = (
    Daemon(
        "nginx",
        ("sudo -n nginx -t", "sudo -n systemctl reload nginx"),
        "ssl_certificate {directory}/fullchain.pem;\nssl_certificate_key {directory}/key.pem;",
        ("nginx",),
        "/etc/nginx/nginx.conf",
        directly=("{program} {arguments} -t", "{program} {arguments} -s reload"),
    ),
    Daemon(
        "Apache",
        ("sudo -n apachectl configtest", "sudo -n systemctl reload apache2"),
        "SSLCertificateFile {directory}/fullchain.pem\nSSLCertificateKeyFile {directory}/key.pem",
        ("apache2",),
        "/etc/apache2/apache2.conf",
        directly=("{program} {arguments} -t", "{program} {arguments} -k graceful"),
        packages=(
            Package(
                "Apache on Red Hat and Fedora",
                "httpd",
                "/etc/httpd/conf/httpd.conf",
                ("sudo -n httpd -t", "sudo -n systemctl reload httpd"),
            ),
        ),
    ),
    Daemon(
        "HAProxy",
        ("sudo -n haproxy -c -f /etc/haproxy/haproxy.cfg", "sudo -n systemctl reload haproxy"),
        "bind :443 ssl crt {directory}/fullchain.pem\n# HAProxy 2.2 and later looks for the key beside it as "
        "fullchain.pem.key:\n# set Use custom file names, key: fullchain.pem.key",
        ("haproxy",),
        "/etc/haproxy/haproxy.cfg",
    ),
    Daemon(
        "Postfix",
        ("sudo -n postfix check", "sudo -n systemctl reload postfix"),
        "smtpd_tls_chain_files = {directory}/key.pem, {directory}/fullchain.pem",
        ("master",),
        "/etc/postfix/main.cf",
        ("smtp", "tls"),
    ),
    Daemon(
        "Dovecot",
        ("sudo -n doveconf -n", "sudo -n systemctl reload dovecot"),
        "ssl_cert = <{directory}/fullchain.pem\nssl_key = <{directory}/key.pem",
        ("dovecot",),
        "/etc/dovecot/dovecot.conf",
        ("imap", "pop3", "tls"),
    ),
    Daemon(
        "OpenSIPS",
        ("sudo -n opensips -C", "sudo -n systemctl restart opensips"),
        'modparam("tls_mgm", "certificate", "{directory}/fullchain.pem")\n'
        'modparam("tls_mgm", "private_key", "{directory}/key.pem")',
        ("opensips",),
        "/etc/opensips/opensips.cfg",
        ("sip", "tls"),
    ),
    Daemon(
        "Caddy",
        ("sudo -n caddy validate --config /etc/caddy/Caddyfile", "sudo -n systemctl reload caddy"),
        "tls {directory}/fullchain.pem {directory}/key.pem",
        ("caddy",),
        "/etc/caddy/Caddyfile",
    ),
    Daemon(
        "Exim",
        ("sudo -n exim4 -bV", "sudo -n systemctl reload exim4"),
        "tls_certificate = {directory}/fullchain.pem\ntls_privatekey = {directory}/key.pem",
        ("exim4",),
        "/etc/exim4/update-exim4.conf.conf",
        ("smtp", "tls"),
        packages=(
            Package(
                "Exim on Red Hat and Fedora",
                "exim",
                "/etc/exim/exim.conf",
                ("sudo -n exim -bV", "sudo -n systemctl reload exim"),
            ),
        ),
    ),
    Daemon(
        "PostgreSQL",
        ("sudo -n systemctl reload postgresql",),
        "ssl_cert_file = '{directory}/fullchain.pem'\nssl_key_file = '{directory}/key.pem'",
        ("postgres", "postmaster"),
        "",
        ("postgres",),
    ),
)


def lines_to_change(protocol: str, port: int, detected: Collection[str], *, fullchain: str, key: str) -> str:
    """What names the files in the configuration of whatever serves `protocol` on `port`.

    Of several that may be it, those that were detected there; for what nobody here knows, the files themselves.
    """
    service = _BY_PORT.get(port, protocol) if protocol in WEB else protocol
    able = [one for one in DAEMONS if (one.protocols == WEB if service in WEB else service in one.protocols)]
    chosen = [one for one in able if one.name in detected] or able
    texts = {one.name: one.configure for one in chosen} or {"certificate, then its key": _FULLCHAIN + "\n" + _KEY}
    named = "\n\n".join(f"# {name}\n{text}" for name, text in texts.items())
    return named.replace(_FULLCHAIN, fullchain).replace(_KEY, key)


# What makes a call of these programs a mere test of the configuration.
_TEST_WORDS: Mapping[str, Sequence[str]] = {
    "nginx": ("-t", "-T"),
    **dict.fromkeys(("apachectl", "apache2ctl", "apache2", "httpd"), ("configtest", "-t")),
    "haproxy": ("-c",),
    "postfix": ("check",),
    "doveconf": ("-n",),
    "opensips": ("-C",),
    "caddy": ("validate",),
    **dict.fromkeys(("exim4", "exim"), ("-bV",)),
}
# Beside a test they would act all the same.
_DEEDS = frozenset({"-s", "-k", "start", "stop", "restart", "reload", "graceful", "graceful-stop", "abort"})


def is_test(line: str) -> bool:
    """Whether a reload command only tests: one plain call, by sudo or not, of a known program by its word for it."""
    words = plain_words(line)
    if words and words[0].rpartition("/")[2] == "sudo":
        words = wanted_program(line)
    if not words:
        return False
    tests = _TEST_WORDS.get(words[0].rpartition("/")[2], ())
    return any(word in tests for word in words[1:]) and not _DEEDS.intersection(words)
