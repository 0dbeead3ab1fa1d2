"""A DNS server whose answers a test scripts one by one, on UDP and TCP."""

import secrets
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.servers.ports import free_port

type Key = tuple[str, str]


class StubDns:
    """Records are texts as in a zone file. Of several answers the last one stays.

    A name nobody scripted is NXDOMAIN; a scripted name has no other types. `aa` decides whether
    the answers claim authority (such a server refuses to recurse), `silent` whether there are any,
    `truncates` whether datagrams hold none of them; `forge` makes datagrams that are sent before the reply to a query.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.aa = False
        self.silent = False
        self.truncates = False
        self.forge: Callable[[bytes], list[bytes]] = lambda _query: []
        self.questions: list[Key] = []
        self._scripts: dict[Key, list[list[str] | str]] = defaultdict(list)

    @property
    def resolver(self) -> tuple[str, int]:
        return self.host, self.port

    def answer(self, name: str, rdtype: str, *answers: list[str] | str) -> None:
        """Successive answers: a list of records, or the name of an rcode."""
        self._scripts[name.lower(), rdtype] = list(answers)

    def asked(self, name: str) -> list[str]:
        """The types that were asked for at `name`, in order of arrival."""
        return [rdtype for asked, rdtype in self.questions if asked == name.lower()]

    def reply(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, rdtype = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.questions.append((name, rdtype))
        if self.silent:
            return None
        response = dns.message.make_response(query)
        if self.aa:
            response.flags |= dns.flags.AA
        if self.aa and query.flags & dns.flags.RD:
            response.set_rcode(dns.rcode.REFUSED)
        else:
            self._fill(response, name, rdtype)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, rdtype: str) -> None:
        scripted = self._scripts.get((name, rdtype)) or self._scripts.get((name, "CNAME"))
        if not scripted:
            known = any(owner == name for owner, _ in self._scripts)
            response.set_rcode(dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN)
            return
        answer = scripted.pop(0) if len(scripted) > 1 else scripted[0]
        if isinstance(answer, str):
            response.set_rcode(dns.rcode.from_text(answer))
            return
        shown = rdtype if (name, rdtype) in self._scripts else "CNAME"
        if answer:
            response.answer.append(dns.rrset.from_text_list(f"{name}.", 0, "IN", shown, answer))


@contextmanager
def stub_dns(host: str = "127.0.0.1", port: int = 0, kind: type[StubDns] = StubDns) -> Iterator[StubDns]:
    """Start one; a `port` of 0 takes a free one."""
    server = kind(host, port or free_port())
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((host, server.port))
    tcp = socket.create_server((host, server.port))
    threads = [
        threading.Thread(target=_serve_udp, args=(server, udp), daemon=True),
        threading.Thread(target=_serve_tcp, args=(server, tcp), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        # An empty datagram ends the UDP loop, a shutdown the TCP loop's accept.
        udp.sendto(b"", (host, server.port))
        with suppress(OSError):
            tcp.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        udp.close()
        tcp.close()


def _truncated(reply: bytes) -> bytes:
    message = dns.message.from_wire(reply)
    message.flags |= dns.flags.TC
    message.answer.clear()
    return message.to_wire()


def _serve_udp(server: StubDns, sock: socket.socket) -> None:
    with suppress(OSError):
        while True:
            wire, peer = sock.recvfrom(4096)
            if not wire:
                return
            for forged in server.forge(wire):
                sock.sendto(forged, peer)
            reply = server.reply(wire)
            if reply:
                sock.sendto(_truncated(reply) if server.truncates else reply, peer)


def _serve_tcp(server: StubDns, sock: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = sock.accept()
            with connection, suppress(OSError, struct.error):
                (length,) = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))
                reply = server.reply(connection.recv(length, socket.MSG_WAITALL))
                if reply:
                    connection.sendall(struct.pack("!H", len(reply)) + reply)


class Zones:
    """Authoritative servers on port 53 of loopback addresses of their own."""

    def __init__(self, resolver: StubDns, stack: ExitStack) -> None:
        self.resolver = resolver
        self._stack = stack

    def delegate(self, zone: str, *hosts: str) -> list[StubDns]:
        servers = []
        for host in hosts:
            address = f"127.{128 + secrets.randbelow(127)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(250)}"
            server = self._stack.enter_context(stub_dns(address, 53))
            server.aa = True
            self.resolver.answer(host, "A", [address])
            servers.append(server)
        self.resolver.answer(zone, "NS", [f"{host}." for host in hosts])
        return servers
