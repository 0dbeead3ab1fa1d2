"""How daemons take a new certificate: the line to reload each, with its own configuration test first. Pure data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.sudoers import plain_words, wanted_program

WEB = ("tls",)


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
    usual: tuple[str, ...]
    protocols: tuple[str, ...] = WEB
    directly: tuple[str, ...] = ()


# The test runs first, as its own line: when it fails, nothing is reloaded and the files go back.
DAEMONS = (
    Daemon(
        "nginx",
        ("sudo -n nginx -t", "sudo -n systemctl reload nginx"),
        "ssl_certificate {directory}/fullchain.pem;\nssl_certificate_key {directory}/key.pem;",
        ("nginx",),
        ("/etc/nginx/nginx.conf",),
        directly=("{program} {arguments} -t", "{program} {arguments} -s reload"),
    ),
    Daemon(
        "Apache",
        ("sudo -n apachectl configtest", "sudo -n systemctl reload apache2"),
        "SSLCertificateFile {directory}/fullchain.pem\nSSLCertificateKeyFile {directory}/key.pem",
        ("apache2", "httpd"),
        ("/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf"),
        directly=("{program} {arguments} -t", "{program} {arguments} -k graceful"),
    ),
    Daemon(
        "HAProxy",
        ("sudo -n haproxy -c -f /etc/haproxy/haproxy.cfg", "sudo -n systemctl reload haproxy"),
        "bind :443 ssl crt {directory}/fullchain.pem\n# HAProxy 2.2 and later looks for the key beside it as "
        "fullchain.pem.key:\n# set Use custom file names, key: fullchain.pem.key",
        ("haproxy",),
        ("/etc/haproxy/haproxy.cfg",),
    ),
    Daemon(
        "Postfix",
        ("sudo -n postfix check", "sudo -n systemctl reload postfix"),
        "smtpd_tls_chain_files = {directory}/key.pem, {directory}/fullchain.pem",
        ("master",),
        ("/etc/postfix/main.cf",),
        ("smtp", "tls"),
    ),
    Daemon(
        "Dovecot",
        ("sudo -n doveconf -n", "sudo -n systemctl reload dovecot"),
        "ssl_cert = <{directory}/fullchain.pem\nssl_key = <{directory}/key.pem",
        ("dovecot",),
        ("/etc/dovecot/dovecot.conf",),
        ("imap", "pop3", "tls"),
    ),
    Daemon(
        "OpenSIPS",
        ("sudo -n opensips -C", "sudo -n systemctl restart opensips"),
        'modparam("tls_mgm", "certificate", "{directory}/fullchain.pem")\n'
        'modparam("tls_mgm", "private_key", "{directory}/key.pem")',
        ("opensips",),
        ("/etc/opensips/opensips.cfg",),
    ),
    Daemon(
        "Caddy",
        ("sudo -n caddy validate --config /etc/caddy/Caddyfile", "sudo -n systemctl reload caddy"),
        "tls {directory}/fullchain.pem {directory}/key.pem",
        ("caddy",),
        ("/etc/caddy/Caddyfile",),
    ),
    Daemon(
        "Exim",
        ("sudo -n exim4 -bV", "sudo -n systemctl reload exim4"),
        "tls_certificate = {directory}/fullchain.pem\ntls_privatekey = {directory}/key.pem",
        ("exim4", "exim"),
        ("/etc/exim4/update-exim4.conf.conf", "/etc/exim/exim.conf"),
        ("smtp", "tls"),
    ),
    Daemon(
        "PostgreSQL",
        ("sudo -n systemctl reload postgresql",),
        "ssl_cert_file = '{directory}/fullchain.pem'\nssl_key_file = '{directory}/key.pem'",
        ("postgres", "postmaster"),
        (),
        ("postgres",),
    ),
)

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
