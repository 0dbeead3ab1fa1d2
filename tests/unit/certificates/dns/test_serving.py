"""The responder's sockets: both transports, crowds, slow and rude people, and a clean end."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import dns.exception
import dns.flags
import dns.message
import dns.query
import pytest

from certificates.dns.rates import Rates
from certificates.dns.serving import CONNECTIONS_FROM_ONE, Responder, is_healthy
from certificates.dns.zone import make_zone
from tests.servers.ports import free_port, wait_until

ORIGIN = "acme.portal.net"
LABEL = "a" * 32
MANY = "b" * 32
VALUES = {LABEL: ["value"], MANY: [f"{number:043}" for number in range(60)]}


@contextmanager
def responder(rates: Rates | None = None) -> Iterator[tuple[str, int]]:
    address = ("127.0.0.1", free_port())
    running = Responder(make_zone(ORIGIN, ["ns1.portal.net"], VALUES.get), [address], rates)
    running.start()
    try:
        yield address
    finally:
        running.stop()


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with responder() as at:
        yield at


def question(label: str = LABEL, **options: int) -> dns.message.Message:
    return dns.message.make_query(f"{label}.{ORIGIN}", "TXT", **options)  # type: ignore[arg-type]


def test_both_transports(address: tuple[str, int]) -> None:
    host, port = address
    for ask in (dns.query.udp, dns.query.tcp):
        reply = ask(question(), host, port=port, timeout=3)
        assert reply.answer[0][0].to_text() == '"value"'
    assert is_healthy(address, ORIGIN)


def test_a_long_answer_comes_by_tcp(address: tuple[str, int]) -> None:
    host, port = address
    reply, by_tcp = dns.query.udp_with_fallback(question(MANY, use_edns=0), host, port=port, timeout=3)
    assert by_tcp
    assert len(reply.answer[0]) == 60


def test_nobody_there_is_not_healthy() -> None:
    assert not is_healthy(("127.0.0.1", free_port()), ORIGIN, seconds=0.3)
    with responder() as address:
        assert not is_healthy(address, "another.portal.net")


def test_several_questions_on_one_connection(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=3) as sock:
        for _ in range(5):
            dns.query.send_tcp(sock, question())
            reply, _ = dns.query.receive_tcp(sock)
            assert reply.answer


def test_rude_people_do_not_stop_it(address: tuple[str, int]) -> None:
    """Noise by UDP and TCP, half messages, resets and silence; honest questions are answered all the while."""
    host, port = address
    dice = random.Random(53)
    with ExitStack() as stack:
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for _ in range(300):
            udp.sendto(dice.randbytes(dice.randrange(200)), address)
        for part in (b"", b"\x00", b"\xff\xff" + bytes(50), b"\x00\x05hello", b"\x00\x00", dice.randbytes(400)):
            sock = stack.enter_context(socket.create_connection(address, timeout=3))
            sock.sendall(part)
        wait_until(lambda: is_answered(address), seconds=10, what="an honest question is answered")
    assert dns.query.tcp(question(), host, port=port, timeout=3).answer


def is_answered(address: tuple[str, int]) -> bool:
    """As resolvers do: asked again where a datagram was lost in the crowd."""
    try:
        return bool(dns.query.udp(question(), address[0], port=address[1], timeout=1).answer)
    except dns.exception.Timeout:
        return False


def test_a_crowd_from_one_address_leaves_room(address: tuple[str, int]) -> None:
    """Connections beyond the share of one address are closed at once; they come free again."""
    host, port = address
    with ExitStack() as stack:
        crowd = [stack.enter_context(socket.create_connection(address, timeout=3)) for _ in range(40)]

        def closed() -> int:
            return sum(is_closed(sock) for sock in crowd)

        wait_until(lambda: closed() >= 40 - CONNECTIONS_FROM_ONE, seconds=5, what="the crowd is turned away")
        assert dns.query.udp(question(), host, port=port, timeout=3).answer
        assert threading.active_count() < 40

    def is_served() -> bool:
        try:
            return bool(dns.query.tcp(question(), host, port=port, timeout=3).answer)
        except (EOFError, OSError):
            return False

    wait_until(is_served, seconds=5, what="TCP is served again")


def is_closed(sock: socket.socket) -> bool:
    sock.settimeout(0.001)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_flood_gets_less_than_it_sends_and_a_way_out() -> None:
    with responder(Rates(a_second=0.001, at_once=10)) as (host, port):
        replies = []
        for _ in range(30):
            try:
                replies.append(dns.query.udp(question(), host, port=port, timeout=0.1))
            except dns.exception.Timeout:
                continue
        answered = [reply for reply in replies if reply.answer]
        assert len(answered) == 10
        slipped = [reply for reply in replies if reply.flags & dns.flags.TC]
        assert len(slipped) == 10
        assert dns.query.tcp(question(), host, port=port, timeout=3).answer


def test_it_ends_soon_even_while_somebody_holds_a_connection() -> None:
    with ExitStack() as stack:
        address = stack.enter_context(responder())
        sock = stack.enter_context(socket.create_connection(address, timeout=3))
        sock.sendall(b"\x00")
        began = time.monotonic()
        stack.close()
        assert time.monotonic() - began < 3
    assert not is_healthy(address, ORIGIN, seconds=0.2)


def test_a_taken_address_is_told() -> None:
    with responder() as address:
        second = Responder(make_zone(ORIGIN, ["ns1.portal.net"], VALUES.get), [address])
        with pytest.raises(OSError, match="in use"):
            second.start()
        second.stop()
