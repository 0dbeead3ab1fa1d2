"""Free ports on loopback and waiting for a condition."""

import os
import random
import socket
import time
from collections.abc import Callable

# Below Linux' ephemeral range (32768 and up): an outgoing connection made between our look and
# the server's bind cannot take a port from here.
_FIRST, _LAST = 20_000, 32_000
# Nor can another process of the same test run: a server that has to migrate first binds many seconds later.
_SHARES = 9
_handed_out: set[int] = set()


class NotReadyError(Exception):
    """A condition did not come true before its deadline."""


def _binds(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _own_ports() -> range:
    """The share of this process of the test run; whoever runs alone has the first."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    share = 1 + int(worker.removeprefix("gw")) % (_SHARES - 1) if worker else 0
    return range(_FIRST + share, _LAST, _SHARES)


def free_port() -> int:
    """Return a port that is free for both TCP and UDP on 127.0.0.1; no port twice."""
    for port in random.SystemRandom().choices(_own_ports(), k=1000):
        if port not in _handed_out and _binds(port, socket.SOCK_STREAM) and _binds(port, socket.SOCK_DGRAM):
            _handed_out.add(port)
            return port
    raise NotReadyError("no free port on 127.0.0.1")


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts TCP connections on the port right now."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], object], *, seconds: float, what: str, every: float = 0.02) -> None:
    """Poll `condition` until it is true; raise NotReadyError naming `what` when time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NotReadyError(f"{what} was not true within {seconds:g} s")
        time.sleep(every)
