"""Servers whose configuration names its certificate in one line: HAProxy, Postfix, Dovecot, PostgreSQL."""

import posixpath
import re

from deploy.detection.reading import Reader
from deploy.detection.sites import Site, read_port

# Nothing that may match in two ways, and no blanks across lines: a hostile file would be read for minutes.
_BIND = re.compile(r"^[ \t]*+bind[ \t]++(\S++).*?\bcrt[ \t]++(\S++)", re.MULTILINE)
_POSTFIX = re.compile(
    r"^(smtpd_tls_cert_file|smtpd_tls_key_file|smtpd_tls_chain_files)[ \t]*+=[ \t]*+(.+)$", re.MULTILINE
)
_DOVECOT = re.compile(
    r"^[ \t]*+(ssl_cert|ssl_key|ssl_server_cert_file|ssl_server_key_file)[ \t]*+=[ \t]*+<?+[ \t]*+(\S++)", re.MULTILINE
)
_INCLUDE = re.compile(r"^[ \t]*+!include(?:_try)?[ \t]++(\S++)", re.MULTILINE)


def haproxy_sites(reader: Reader, path: str) -> list[Site]:
    return [
        Site("HAProxy", path, ports=(read_port(address, 443),), certificate=certificate, key=f"{certificate}.key")
        for address, certificate in _BIND.findall(reader.text(path))
        if certificate.startswith("/")
    ]


def postfix_sites(reader: Reader, path: str) -> list[Site]:
    found = dict(_POSTFIX.findall(reader.text(path)))
    pair = re.split(r"[,\s]+", found.get("smtpd_tls_chain_files", "").strip())
    key, certificate = (pair[0], pair[1]) if len(pair) > 1 else ("", "")
    certificate = certificate or found.get("smtpd_tls_cert_file", "").strip()
    key = key or found.get("smtpd_tls_key_file", "").strip()
    return [Site("Postfix", path, ports=(25, 465, 587), certificate=certificate, key=key)] if certificate else []


def dovecot_sites(reader: Reader, path: str) -> list[Site]:
    files = [path]
    for pattern in _INCLUDE.findall(reader.text(path)):
        files += reader.matching(posixpath.join(posixpath.dirname(path), pattern))
    for file in files:
        found = dict(_DOVECOT.findall(reader.text(file)))
        certificate = found.get("ssl_cert") or found.get("ssl_server_cert_file")
        if certificate:
            key = found.get("ssl_key") or found.get("ssl_server_key_file") or ""
            return [Site("Dovecot", file, ports=(143, 993, 110, 995), certificate=certificate, key=key)]
    return []
