"""What a server really hands out, which alone proves a deployment."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import paramiko
from django.conf import settings

from config.lib import egress, x509
from config.lib.errors import ExpectedError
from deploy.ssh.connect import Connection
from domains.tls import Opener, fetch_chain, fetch_chain_over

LOOK_SECONDS = 5.0
PROOF_SECONDS = 10.0
LOOKS_IN_A_ROW = 2
_PAUSE = 0.2

# How TLS is asked for on each port; None where it begins at once.
type Ports = Mapping[int, Opener | None]
type Verdict = Literal["serving", "installed", "worse"]


@dataclass(frozen=True)
class Served:
    """What one port handed out: the leaf's SHA-256, empty when nothing; seen from outside or through SSH."""

    port: int
    fingerprint: str = ""
    where: Literal["outside", "inside", ""] = ""


def look_at(connection: Connection, host: str, ports: Ports) -> list[Served]:
    """What is served for `host` on each port. Blocks up to twice LOOK_SECONDS per port; changes nothing."""
    return [
        _from_outside(connection, host, port, opener) or _from_inside(connection, host, port, opener)
        for port, opener in ports.items()
    ]


def wait_for(
    connection: Connection, host: str, ports: Ports, wanted: str, *, seconds: float = PROOF_SECONDS
) -> list[Served]:
    """Look again until every port hands out `wanted` twice in a row or time is up; what was seen last.

    A reload returns before its new workers accept connections, so the first look may be too early; and for a moment
    old and new workers accept side by side, so one look may be lucky.
    """
    ends = time.monotonic() + seconds
    in_a_row = 0
    while True:
        served = look_at(connection, host, ports)
        in_a_row = in_a_row + 1 if all(one.fingerprint == wanted for one in served) else 0
        if in_a_row == LOOKS_IN_A_ROW or time.monotonic() >= ends:
            return served
        time.sleep(_PAUSE)


def judge(*, wanted: str, before: Mapping[str, str], after: Mapping[str, str]) -> Verdict:
    """serving: ours on every port. worse: what was handed out before is gone and ours is not there. Else installed."""
    if any(before.get(port) and seen not in (wanted, before[port]) for port, seen in after.items()):
        return "worse"
    return "serving" if after and all(seen == wanted for seen in after.values()) else "installed"


def by_port(served: Sequence[Served]) -> dict[str, str]:
    """Fingerprints under the port's number as text, as the journal keeps them."""
    return {str(one.port): one.fingerprint for one in served}


def _from_outside(connection: Connection, host: str, port: int, opener: Opener | None) -> Served | None:
    """As a visitor would see this very server, at the address that SSH leads to; None when not reachable from here."""
    deadline = egress.Deadline(LOOK_SECONDS)
    fingerprint = _leaf(
        lambda: fetch_chain(connection.address, port, host, deadline, opener=opener, us=settings.SITE_HOST).ders
    )
    return Served(port, fingerprint, "outside") if fingerprint else None


def _from_inside(connection: Connection, host: str, port: int, opener: Opener | None) -> Served:
    """Through the SSH connection, for servers behind a firewall: first loopback, then the server's own address."""
    for address in dict.fromkeys(("127.0.0.1", connection.address)):
        fingerprint = _leaf(partial(_fetch_inside, connection, address, host, port, opener))
        if fingerprint:
            return Served(port, fingerprint, "inside")
    return Served(port)


def _fetch_inside(connection: Connection, address: str, host: str, port: int, opener: Opener | None) -> Sequence[bytes]:
    channel = connection.transport.open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=LOOK_SECONDS)
    try:
        deadline = egress.Deadline(LOOK_SECONDS)
        return fetch_chain_over(channel, host, deadline, opener=opener, us=settings.SITE_HOST).ders
    finally:
        channel.close()


def _leaf(fetch: Callable[[], Sequence[bytes]]) -> str:
    """The leaf's fingerprint; empty for whatever keeps us from seeing one, which is not ours to explain here."""
    try:
        ders = fetch()
    except (ExpectedError, paramiko.SSHException, OSError, EOFError):
        return ""
    return x509.fingerprint(ders[0]) if ders else ""
