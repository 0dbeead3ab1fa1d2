"""How much one source may ask. Bounded memory, whoever asks; safe for threads."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

# A resolver that validates a certificate of 100 names asks a few hundred questions at once; more only floods use.
A_SECOND = 50.0
AT_ONCE = 500.0
SOURCES_KEPT = 10_000


def network_of(address: str) -> str:
    """A /24 or a /56: what one party usually holds."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 56}", strict=False))


class Rates:
    """A bucket for each source network, the longest idle ones forgotten first."""

    def __init__(
        self,
        a_second: float = A_SECOND,
        at_once: float = AT_ONCE,
        kept: int = SOURCES_KEPT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._a_second, self._at_once, self._kept, self._now = a_second, at_once, kept, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._refused = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._buckets)

    def takes(self, address: str) -> bool:
        """Whether one more question of `address` is served."""
        source = network_of(address)
        with self._lock:
            now = self._now()
            left, since = self._buckets.pop(source, (self._at_once, now))
            left = min(self._at_once, left + (now - since) * self._a_second)
            served = left >= 1
            self._buckets[source] = (left - 1 if served else left, now)
            while len(self._buckets) > self._kept:
                self._buckets.popitem(last=False)
            return served

    def slips(self) -> bool:
        """Every second refused question gets 'ask by TCP': whoever is real comes through, floods gain nothing."""
        with self._lock:
            self._refused += 1
            return self._refused % 2 == 0
