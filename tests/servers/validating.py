"""A resolver that checks signatures: what a test calls broken it believes no more, all else it asks another one."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from tests.servers.dns import ChallengeDns
from tests.servers.stub_dns import StubDns, stub_dns

WHY = "no matching DS"
_SECONDS = 5.0


class Validating(StubDns):
    """`broken` are zones that do not validate: SERVFAIL with the reason, the plain answer where CD is set.

    `judged` is the one type of question that it judges, where all else is asked of the zone's own servers.
    """

    upstream: tuple[str, int]

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.broken: set[str] = set()
        self.judged = ""

    def reply(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        self.questions.append((name, str(query.question[0].rdtype)))
        is_judged = not self.judged or query.question[0].rdtype == dns.rdatatype.from_text(self.judged)
        if is_judged and any(f".{name}".endswith(f".{zone}") for zone in self.broken):
            response = dns.message.make_response(query)
            if query.flags & dns.flags.CD:
                return response.to_wire()
            response.set_rcode(dns.rcode.SERVFAIL)
            response.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, WHY)])
            return response.to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(_SECONDS)
            sock.sendto(wire, self.upstream)
            return sock.recv(4096)


@contextmanager
def validating(upstream: ChallengeDns) -> Iterator[Validating]:
    with stub_dns(kind=Validating) as server:
        assert isinstance(server, Validating)
        server.upstream = upstream.host, upstream.port
        yield server
