"""One look-up of a name's addresses, without its I/O: what to send, what a reply means, what came of it."""

import os
import struct

from .refusals import Unreachable
from .wire import AAAA, NOERROR, NXDOMAIN, A, Malformed, make_question, read_reply

FAMILIES = (AAAA, A)


class Lookup:
    """Asks for IPv6 and IPv4 at once; each family is settled by its own reply.

    A server's failure is kept and the family asked again at the next one.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        # Unpredictable ids, and a source port per attempt, are what a stranger would have to guess.
        idents = struct.unpack("!HH", os.urandom(4))
        self._idents = dict(zip(FAMILIES, idents, strict=True))
        self._addresses: dict[int, list[str]] = {}
        self._failed: set[int] = set()
        self.truncated: set[int] = set()
        self._is_nxdomain = False

    @property
    def is_settled(self) -> bool:
        """Every family has its answer."""
        return len(self._addresses) == len(FAMILIES)

    @property
    def is_answered(self) -> bool:
        """This server has nothing more to say: each family is settled, failed or truncated here."""
        return len(self._addresses.keys() | self._failed | self.truncated) == len(FAMILIES)

    def questions(self) -> list[bytes]:
        """What to send to the next server; forgets what the previous one failed at."""
        self._failed.clear()
        self.truncated.clear()
        return [
            make_question(self.name, rdtype, ident)
            for rdtype, ident in self._idents.items()
            if rdtype not in self._addresses
        ]

    def feed(self, wire: bytes) -> None:
        """A datagram that came; what does not answer an open question of ours is ignored."""
        try:
            reply = read_reply(wire)
        except Malformed:
            return
        if reply.name != self.name or self._idents.get(reply.rdtype) != reply.ident:
            return
        if reply.is_truncated:
            self.truncated.add(reply.rdtype)
        else:
            self.settle(reply.rdtype, reply.rcode, reply.addresses)

    def settle(self, rdtype: int, rcode: int, addresses: list[str]) -> None:
        if rcode not in (NOERROR, NXDOMAIN):
            self._failed.add(rdtype)
            return
        self._is_nxdomain = self._is_nxdomain or rcode == NXDOMAIN
        self._addresses.setdefault(rdtype, addresses)

    def fail(self) -> None:
        """The server cannot be asked at all."""
        self._failed.update(FAMILIES)

    def result(self) -> list[str]:
        """IPv6 first. One family is enough: servers that fail AAAA alone are common.

        Raises Unreachable dns_nxdomain, dns_no_address or dns_failed.
        """
        found = [address for rdtype in FAMILIES for address in self._addresses.get(rdtype, [])]
        if found:
            return found
        if self._is_nxdomain:
            raise Unreachable("dns_nxdomain", host=self.name)
        raise Unreachable("dns_no_address" if self.is_settled else "dns_failed", host=self.name)
