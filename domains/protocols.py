"""What is spoken on a port, and which ports are looked at."""

from dataclasses import dataclass

from django.conf import settings

from config.lib.errors import NeedsUser
from domains import starttls
from domains.starttls import Opener

HTTPS = 443
_DATABASES = (starttls.POSTGRES, starttls.MYSQL)


@dataclass(frozen=True, slots=True)
class Protocol:
    """`ports`: where it is spoken by convention, the usual one first. Without `opener` TLS begins at once."""

    name: str
    label: str
    ports: tuple[int, ...]
    opener: Opener | None = None

    @property
    def words(self) -> str:
        """As 'SMTP with STARTTLS'; databases have a request of their own that nobody knows by that name."""
        if not self.opener:
            return self.label
        return f"{self.label} with {'TLS' if self.opener in _DATABASES else 'STARTTLS'}"


def _asking(name: str, opener: Opener, *ports: int) -> Protocol:
    return Protocol(name, opener.label, ports, opener)


TLS = Protocol("tls", "TLS", (HTTPS, 465, 636, 853, 990, 993, 995, 5061, 5223, 8443))
# Clients and servers of XMPP open different streams, and on a port of one's own nothing tells which: two protocols.
_TABLE = (
    TLS,
    _asking("smtp", starttls.SMTP, 25, 587),
    _asking("imap", starttls.IMAP, 143),
    _asking("pop3", starttls.POP3, 110),
    _asking("ftp", starttls.FTP, 21),
    _asking("ldap", starttls.LDAP, 389),
    _asking("xmpp_client", starttls.XMPP_CLIENT, 5222),
    _asking("xmpp_server", starttls.XMPP_SERVER, 5269),
    _asking("postgres", starttls.POSTGRES, 5432),
    _asking("mysql", starttls.MYSQL, 3306),
)
PROTOCOLS = {one.name: one for one in _TABLE}
# Ports below 1024 on which certificates are served; a free choice would make the portal a port scanner.
WELL_KNOWN_PORTS = frozenset(port for one in _TABLE for port in one.ports)
_BY_PORT = {port: one for one in _TABLE for port in one.ports}


def parse_port(port: int) -> int:
    """Raises NeedsUser("port_not_allowed")."""
    if port in WELL_KNOWN_PORTS or port in settings.EXTRA_PORTS or 1024 <= port <= 65535:
        return port
    raise NeedsUser("port_not_allowed", port=port)


def protocol_of(port: int) -> Protocol:
    """What a port carries by convention; TLS from the first byte where there is none."""
    return _BY_PORT.get(port, TLS)


def parse_protocol(name: str | None, port: int | None = None) -> str:
    """The protocol's name; None follows from the port. TLS is taken on any port, others not on a port of another's.

    Raises NeedsUser: protocol_unknown, protocol_contradicted.
    """
    if name is None:
        return protocol_of(HTTPS if port is None else port).name
    if name not in PROTOCOLS:
        raise NeedsUser("protocol_unknown", protocol=name[:40], known=list(PROTOCOLS))
    usual = _BY_PORT.get(port) if port is not None else None
    if name != TLS.name and usual and usual.name != name:
        raise NeedsUser("protocol_contradicted", protocol=PROTOCOLS[name].label, port=port, usual=usual.words)
    return name


def usual_port(name: str | None) -> int:
    """Where a protocol is spoken when nothing else was said; 443 for none, and for one that is not known."""
    return PROTOCOLS.get(name or "", TLS).ports[0]


def opener_of(name: str) -> Opener | None:
    """How TLS is asked for; None where it begins at once."""
    return PROTOCOLS[name].opener
