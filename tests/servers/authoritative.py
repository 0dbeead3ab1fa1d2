"""Real authoritative servers (Knot, and NSD as its secondary) and real resolvers (BIND) that ask them.

They answer on port 53, as the world's do, each on a loopback address of its own: only root may start them.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.tsigkeyring
import dns.update

from tests.servers.child import Child
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import free_port, wait_until

KEY_NAME = "update"
SECRET = "bWFuYWdlbXljZXJ0LXRlc3Qta2V5LTAxMjM0NTY3ODk="
CUSTOMER = "customer.example"
PORTAL = "portal.example"
ACME = f"acme.{PORTAL}"
RESPONDER_NAME = f"ns-acme.{PORTAL}"
TTL = 1


def own_address() -> str:
    """A loopback address that no other run of the tests is likely to use at the same time."""
    return ".".join(["127", *(str(random.SystemRandom().randrange(1, 255)) for _ in range(3))])


@dataclass(frozen=True)
class Resolver:
    """A BIND of its own, with a memory of its own."""

    port: int
    host: str = "127.0.0.1"

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Zones:
    """CUSTOMER on Knot and NSD, PORTAL on Knot; ACME is delegated to `responder`, where a test may listen.

    The CA asks a resolver of its own, as the world's do: the portal's has just been told that a record
    which the portal is about to make is not there, and remembers that for a second.
    """

    port: int
    ca_port: int
    knot: str
    nsd: str
    responder: str
    host: str = "127.0.0.1"

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def of_ca(self) -> Resolver:
        return Resolver(self.ca_port)

    def add(self, name: str, rdtype: str, value: str) -> None:
        """Add one record below CUSTOMER by RFC 2136 and wait until both servers have it."""
        text = f'"{value}"' if rdtype == "TXT" else value
        self._update(lambda update, relative: update.add(relative, TTL, rdtype, text), name)
        self._wait(name, rdtype, lambda found: value.rstrip(".") in found)

    def remove(self, name: str, rdtype: str) -> None:
        self._update(lambda update, relative: update.delete(relative, rdtype), name)
        self._wait(name, rdtype, lambda found: not found)

    def set_txt(self, host: str, value: str) -> None:
        self.add(host, "TXT", value)

    def values(self, server: str, name: str, rdtype: str) -> list[str]:
        query = dns.message.make_query(name, rdtype)
        query.flags &= ~dns.flags.RD
        answer = dns.query.udp(query, server, timeout=2)
        kind = dns.rdatatype.from_text(rdtype)
        records = [record for rrset in answer.answer if rrset.rdtype == kind for record in rrset]
        return [record.to_text().strip('"').rstrip(".") for record in records]

    def _update(self, change: object, name: str) -> None:
        keyring = dns.tsigkeyring.from_text({KEY_NAME: SECRET})
        update = dns.update.UpdateMessage(CUSTOMER, keyring=keyring, keyalgorithm="hmac-sha256")
        relative = dns.name.from_text(name).relativize(dns.name.from_text(CUSTOMER))
        change(update, relative)  # type: ignore[operator]
        answer = dns.query.tcp(update, self.knot, timeout=3)
        assert answer.rcode() == 0, answer

    def _wait(self, name: str, rdtype: str, is_so: object) -> None:
        def everywhere() -> bool:
            return all(is_so(self.values(server, name, rdtype)) for server in (self.knot, self.nsd))  # type: ignore[operator]

        wait_until(everywhere, seconds=15, what=f"{rdtype} at {name} on both servers", every=0.05)


def _zone_file(origin: str, lines: str) -> str:
    return f"$ORIGIN {origin}.\n$TTL {TTL}\n@ IN SOA ns1 hostmaster 1 2 1 86400 {TTL}\n{lines}\n"


def _knot_conf(place: Path, zones: Zones) -> str:
    return f"""
server:
    listen: {zones.knot}@53
    rundir: {place}
    pidfile: {place}/knot.pid
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {place}
key:
  - id: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
  - id: secondary
    address: {zones.nsd}@53
    via: {zones.knot}
acl:
  - id: transfer
    address: 127.0.0.0/8
    action: transfer
  - id: update
    key: {KEY_NAME}
    action: update
template:
  - id: default
    storage: {place}
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
zone:
  - domain: {CUSTOMER}
    file: customer.zone
    acl: [update, transfer]
    notify: secondary
  - domain: {PORTAL}
    file: portal.zone
"""


def _nsd_conf(place: Path, zones: Zones) -> str:
    return f"""
server:
    ip-address: {zones.nsd}@53
    pidfile: {place}/nsd.pid
    username: ""
    zonesdir: {place}
    database: ""
    xfrdir: {place}
    xfrdfile: {place}/xfrd.state
    zonelistfile: {place}/zone.list
    server-count: 1
remote-control:
    control-enable: no
zone:
    name: {CUSTOMER}
    zonefile: customer.nsd
    request-xfr: AXFR {zones.knot}@53 NOKEY
    allow-notify: 127.0.0.0/8 NOKEY
"""


def _bind_conf(place: Path, zones: Zones, port: int) -> str:
    stubs = "".join(
        f'zone "{name}" {{ type static-stub; server-addresses {{ {zones.knot}; }}; }};\n' for name in (CUSTOMER, PORTAL)
    )
    return f"""
options {{
  directory "{place}"; pid-file "{place}/named{port}.pid"; session-keyfile "{place}/session{port}.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion yes; allow-recursion {{ 127.0.0.0/8; }}; dnssec-validation no; max-cache-ttl 1; max-ncache-ttl 1;
  query-source address 127.0.0.1;
}};
controls {{ }};
{stubs}"""


def _write(place: Path, zones: Zones) -> None:
    servers = f"  IN NS ns1\n  IN NS ns2\nns1 IN A {zones.knot}\nns2 IN A {zones.nsd}\n"
    (place / "customer.zone").write_text(_zone_file(CUSTOMER, f"{servers}@ IN A 127.0.0.1\n"))
    handed = f"acme IN NS ns-acme\nns-acme IN A {zones.responder}\n"
    (place / "portal.zone").write_text(_zone_file(PORTAL, f"  IN NS ns1\nns1 IN A {zones.knot}\n{handed}"))
    (place / "knot.conf").write_text(_knot_conf(place, zones))
    (place / "nsd.conf").write_text(_nsd_conf(place, zones))


@contextmanager
def authoritative() -> Iterator[Zones]:
    """Start all of them; nothing listens at `responder` yet."""
    zones = Zones(free_port(), free_port(), own_address(), own_address(), own_address())
    with private_directory("zones", shared=True) as place, ExitStack() as stack:
        _write(place, zones)

        def start(name: str, *argv: str) -> Child:
            child = Child(name, argv, log=place / f"{name}.log", env=plain_environment())
            stack.callback(child.stop)
            return child

        def has_soa(server: str) -> bool:
            try:
                return bool(zones.values(server, CUSTOMER, "SOA"))
            except (OSError, dns.exception.DNSException):
                return False

        start("knot", "knotd", "-c", str(place / "knot.conf")).wait_ready(lambda: has_soa(zones.knot))
        # After its primary: its second try at a transfer comes late.
        start("nsd", "nsd", "-d", "-c", str(place / "nsd.conf")).wait_ready(lambda: has_soa(zones.nsd))
        for port in (zones.port, zones.ca_port):
            path = place / f"named{port}.conf"
            path.write_text(_bind_conf(place, zones, port))
            start(path.stem, "named", "-g", "-c", str(path)).wait_ready(partial(_recurses, Resolver(port)))
        yield zones


def _recurses(resolver: Resolver) -> bool:
    query = dns.message.make_query(CUSTOMER, "SOA")
    try:
        return bool(dns.query.udp(query, resolver.host, port=resolver.port, timeout=1).answer)
    except (OSError, dns.exception.DNSException):
        return False
