"""How daemons take a new certificate: the line to reload each, with its own configuration test first. Pure data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Daemon:
    """`reload` are lines for the form, in order; `configure` is what names the files in the daemon's configuration."""

    name: str
    reload: tuple[str, ...]
    configure: str


# The test runs first, as its own line: when it fails, nothing is reloaded and the files go back.
DAEMONS = (
    Daemon(
        "nginx",
        ("sudo -n nginx -t", "sudo -n systemctl reload nginx"),
        "ssl_certificate {directory}/fullchain.pem;\nssl_certificate_key {directory}/key.pem;",
    ),
    Daemon(
        "Apache",
        ("sudo -n apachectl configtest", "sudo -n systemctl reload apache2"),
        "SSLCertificateFile {directory}/fullchain.pem\nSSLCertificateKeyFile {directory}/key.pem",
    ),
    Daemon(
        "HAProxy",
        ("sudo -n haproxy -c -f /etc/haproxy/haproxy.cfg", "sudo -n systemctl reload haproxy"),
        "bind :443 ssl crt {directory}/fullchain.pem\n# HAProxy 2.2 and later looks for the key beside it as "
        "fullchain.pem.key:\n# set Use custom file names, key: fullchain.pem.key",
    ),
    Daemon(
        "Postfix",
        ("sudo -n postfix check", "sudo -n systemctl reload postfix"),
        "smtpd_tls_chain_files = {directory}/key.pem, {directory}/fullchain.pem",
    ),
    Daemon(
        "Dovecot",
        ("sudo -n doveconf -n", "sudo -n systemctl reload dovecot"),
        "ssl_cert = <{directory}/fullchain.pem\nssl_key = <{directory}/key.pem",
    ),
    Daemon(
        "OpenSIPS",
        ("sudo -n opensips -C", "sudo -n systemctl restart opensips"),
        'modparam("tls_mgm", "certificate", "{directory}/fullchain.pem")\n'
        'modparam("tls_mgm", "private_key", "{directory}/key.pem")',
    ),
    Daemon(
        "Caddy",
        ("sudo -n caddy validate --config /etc/caddy/Caddyfile", "sudo -n systemctl reload caddy"),
        "tls {directory}/fullchain.pem {directory}/key.pem",
    ),
    Daemon(
        "Exim",
        ("sudo -n exim4 -bV", "sudo -n systemctl reload exim4"),
        "tls_certificate = {directory}/fullchain.pem\ntls_privatekey = {directory}/key.pem",
    ),
    Daemon(
        "PostgreSQL",
        ("sudo -n systemctl reload postgresql",),
        "ssl_cert_file = '{directory}/fullchain.pem'\nssl_key_file = '{directory}/key.pem'",
    ),
)
