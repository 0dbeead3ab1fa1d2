"""Hosts that mean no good, or mean nothing: each visit ends within its deadline and says what it saw. In `make test`.

One by one, with threads as servers; tests/integration/test_hostile_servers.py meets many more of them at once.
"""

import os
import socket
import ssl
import time
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from config.lib import egress, x509
from config.lib.errors import ExpectedError
from domains.tls import Observation, Target, TlsFailed, fetch_chain, fetch_chain_over, visit_many
from tests.servers.tls import PAGE, Serve, listener, server_context, tls_server
from tests.unit.domains.forge import World, key_pem, leaf

HOST = "www.forge.org"
TLS_SECONDS, HTTP_SECONDS = 1.5, 1.0
SLACK = 1.0

world = World()
CHAIN = [leaf([HOST], world.intermediate), world.intermediate.der]


@pytest.fixture(autouse=True)
def _loopback_is_open(settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.fixture(scope="module")
def good() -> ssl.SSLContext:
    return server_context(CHAIN, key_pem("P-256 leaf"))


def visit(port: int, *, http: bool = True, plain_port: int | None = None) -> Observation:
    target = Target(HOST, port, http=http, plain_port=plain_port, address="127.0.0.1")
    return visit_many([target], tls_seconds=TLS_SECONDS, http_seconds=HTTP_SECONDS)[0]


def timed(port: int) -> tuple[Observation, float]:
    started = time.monotonic()
    seen = visit(port)
    return seen, time.monotonic() - started


def hello(connection: socket.socket) -> None:
    connection.recv(4096)


def says(data: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        hello(connection)
        connection.sendall(data)
        connection.recv(4096)

    return serve


def drips(data: bytes, pause: float) -> Serve:
    def serve(connection: socket.socket) -> None:
        hello(connection)
        for byte in data * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(pause)

    return serve


def pours(data: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        hello(connection)
        for _ in range(20_000):
            connection.sendall(data)

    return serve


def is_silent(connection: socket.socket) -> None:
    connection.recv(4096)
    time.sleep(5)


def closes(connection: socket.socket) -> None:
    hello(connection)


def resets(connection: socket.socket) -> None:
    hello(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def record(kind: int, body: bytes, version: bytes = b"\x03\x03") -> bytes:
    return bytes([kind]) + version + len(body).to_bytes(2, "big") + body


HOSTILE: dict[str, tuple[Serve, str]] = {
    "closes after the hello": (closes, "tls_handshake_failed"),
    "resets after the hello": (resets, "tls_handshake_failed"),
    "never answers": (is_silent, "deadline_exceeded"),
    "speaks HTTP": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls_none"),
    "speaks SSH first": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "tls_none"),
    "speaks SMTP first": (says(b"220 mail ESMTP\r\n"), "tls_none"),
    "random bytes": (says(os.urandom(1).replace(b"\x16", b"x").replace(b"\x15", b"x") + os.urandom(900)), "tls_none"),
    "zero bytes": (says(b"\x00" * 64), "tls_none"),
    "an alert": (says(record(21, b"\x02\x28")), "tls_handshake_failed"),
    "unrecognized name": (says(record(21, b"\x02\x70")), "tls_handshake_failed"),
    "a record of garbage": (says(record(22, b"\xff" * 40)), "tls_handshake_failed"),
    "a record too long": (says(b"\x16\x03\x03\xff\xff" + b"x" * 70_000), "tls_handshake_failed"),
    "a truncated record": (says(b"\x16\x03\x03\x40\x00abc"), "deadline_exceeded"),
    "half a server hello, then nothing": (
        says(record(22, b"\x02\x00\x00\x50\x03\x03" + b"a" * 20)),
        "deadline_exceeded",
    ),
    "a huge handshake message": (
        pours(record(22, b"\x0b\xff\xff\xff" + b"x" * 16_000)),
        "tls_handshake_failed",
    ),
    "SSL 3 only": (says(record(21, b"\x02\x46", b"\x03\x00")), "tls_handshake_failed"),
    "drips a byte at a time": (drips(record(22, b"\x02\x00\x00\x50" + b"a" * 76), 0.05), "deadline_exceeded"),
    "pours empty records": (pours(record(22, b"") * 50), "tls_handshake_failed"),
    "pours warning alerts": (pours(record(21, b"\x01\x5a") * 50), "tls_handshake_failed"),
    "application data in the handshake": (says(record(23, b"x" * 100)), "tls_none"),
}


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_handshake_ends_in_time_with_its_outcome(title: str) -> None:
    serve, outcome = HOSTILE[title]
    with listener(serve) as port:
        seen, seconds = timed(port)
    assert seen.outcome == outcome
    assert seen.ders == ()
    assert seconds < TLS_SECONDS + SLACK


PAGES: dict[str, tuple[bytes, int | None]] = {
    "ordinary": (PAGE, 200),
    "no reason phrase": (b"HTTP/1.1 204\r\n\r\n", 204),
    "HTTP/1.0": (b"HTTP/1.0 404 Not Found\r\n\r\n", 404),
    "redirect": (b"HTTP/1.1 301 Moved\r\nLocation: http://169.254.169.254/\r\n\r\n", 301),
    "interim answers first": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200),
    "HTTP/0.9": (b"<html>hello</html>", None),
    "garbage": (os.urandom(2000), None),
    "nothing": (b"", None),
    "a head without end": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000, None),
    "a status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", None),
    "only interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, None),
    "an endless body": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000_000, 200),
}


@pytest.mark.parametrize("title", PAGES)
def test_a_strange_front_page_never_costs_the_certificate(title: str, good: ssl.SSLContext) -> None:
    answer, status = PAGES[title]
    with tls_server(good, answer) as port:
        seen, seconds = timed(port)
    assert seen.outcome == ""
    assert list(seen.ders) == CHAIN
    assert seen.page is not None
    assert seen.page.status == status
    assert seconds < TLS_SECONDS + HTTP_SECONDS + SLACK


def test_a_head_that_drips_ends_with_the_deadline(good: ssl.SSLContext) -> None:
    def serve(connection: socket.socket) -> None:
        with good.wrap_socket(connection, server_side=True) as secured:
            secured.recv(4096)
            for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
                secured.sendall(bytes([byte]))
                time.sleep(0.05)

    with listener(serve) as port:
        seen, seconds = timed(port)
    assert list(seen.ders) == CHAIN
    assert seen.page is not None
    assert seen.page.status is None
    assert seconds < TLS_SECONDS + HTTP_SECONDS + SLACK


def test_what_is_served_is_seen_with_its_protocol(good: ssl.SSLContext) -> None:
    with tls_server(good) as port:
        seen = visit(port)
    assert (seen.tls_version, seen.address, seen.outcome) == ("TLS 1.3", "127.0.0.1", "")
    assert seen.cipher.startswith("TLS_")
    assert seen.page is not None
    assert seen.page.scheme == "https"


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (ssl.TLSVersion.TLSv1, "TLS 1.0"),
        (ssl.TLSVersion.TLSv1_1, "TLS 1.1"),
        (ssl.TLSVersion.TLSv1_2, "TLS 1.2"),
        (ssl.TLSVersion.TLSv1_3, "TLS 1.3"),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_and_new_protocols_are_seen(version: ssl.TLSVersion, name: str) -> None:
    context = server_context(CHAIN, key_pem("P-256 leaf"))
    context.minimum_version = context.maximum_version = version
    with tls_server(context) as port:
        seen = visit(port)
    assert (seen.outcome, seen.tls_version) == ("", name)


def test_a_weak_key_is_seen_and_judged() -> None:
    weak = [leaf([HOST], world.intermediate, kind="RSA-1024 leaf"), world.intermediate.der]
    with tls_server(server_context(weak, key_pem("RSA-1024 leaf"))) as port:
        assert list(visit(port).ders) == weak


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_demands_a_client_certificate_still_shows_its_own(version: ssl.TLSVersion) -> None:
    context = server_context(CHAIN, key_pem("P-256 leaf"))
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    with tls_server(context) as port:
        seen = visit(port)
    assert list(seen.ders) == CHAIN


def test_the_plain_site_is_asked_when_the_secure_one_does_not_answer() -> None:
    def plain(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(PAGE)

    with listener(closes) as secure_port, listener(plain) as plain_port:
        seen = visit(secure_port, plain_port=plain_port)
    assert seen.outcome == "tls_handshake_failed"
    assert seen.page is not None
    assert (seen.page.scheme, seen.page.status) == ("http", 200)


def answers_plainly(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(PAGE)


def test_the_plain_site_is_left_alone_while_the_secure_one_answers(good: ssl.SSLContext) -> None:
    asked: list[object] = []
    broken = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"
    with tls_server(good, broken) as secure_port, listener(asked.append) as plain_port:
        seen = visit(secure_port, plain_port=plain_port)
    assert seen.page is not None
    assert (seen.page.scheme, seen.page.status, asked) == ("https", 503, [])


def test_the_plain_site_is_asked_when_tls_works_and_no_page_comes(good: ssl.SSLContext) -> None:
    with tls_server(good, b"\x00\x01 nothing like HTTP") as secure_port, listener(answers_plainly) as plain_port:
        seen = visit(secure_port, plain_port=plain_port)
    assert (seen.outcome, list(seen.ders)) == ("", CHAIN)
    assert seen.page is not None
    assert (seen.page.scheme, seen.page.status) == ("http", 200)


def test_a_plain_site_that_drips_ends_within_its_own_deadline() -> None:
    with listener(closes) as secure_port, listener(drips(b"HTTP/1.1 200 OK\r\nA: b\r\n", 0.05)) as plain_port:
        started = time.monotonic()
        seen = visit(secure_port, plain_port=plain_port)
        seconds = time.monotonic() - started
    assert seen.page is not None
    assert (seen.page.scheme, seen.page.status) == ("http", None)
    assert seconds < HTTP_SECONDS + SLACK


def test_a_plain_site_at_an_inner_address_is_never_connected_to(settings: Settings) -> None:
    asked: list[object] = []
    settings.EGRESS_ALLOW_CIDRS = ()
    with listener(closes) as secure_port, listener(asked.append) as plain_port:
        seen = visit(secure_port, plain_port=plain_port)
    assert (seen.outcome, seen.page, asked) == ("egress_refused", None, [])


def test_each_host_says_how_long_it_waited_for_its_turn(good: ssl.SSLContext) -> None:
    with tls_server(good) as port:
        targets = [Target(HOST, port, plain_port=None, address="127.0.0.1") for _ in range(3)]
        waited = [seen.waited for seen in visit_many(targets, in_flight=1)]
    assert waited == sorted(waited)
    assert waited[0] < waited[2]


def test_a_closed_port_is_refused_and_no_page_is_invented() -> None:
    with listener(closes) as port:
        pass
    seen = visit(port, plain_port=port)
    assert (seen.outcome, seen.page) == ("connect_refused", None)


def test_an_inner_address_is_never_connected_to(settings: Settings) -> None:
    connected: list[object] = []
    with listener(connected.append) as port:
        settings.EGRESS_ALLOW_CIDRS = ()
        assert visit(port, plain_port=port).outcome == "egress_refused"
    assert connected == []


@pytest.fixture
def hostile_ports() -> Iterator[list[tuple[int, str]]]:
    with listener(is_silent) as silent, listener(closes) as closing, listener(says(b"\x00")) as garbage:
        yield [(silent, "deadline_exceeded"), (closing, "tls_handshake_failed"), (garbage, "tls_none")]


def test_many_hosts_at_once_take_as_long_as_the_slowest(
    good: ssl.SSLContext, hostile_ports: list[tuple[int, str]]
) -> None:
    with tls_server(good) as port:
        wanted = [*hostile_ports, (port, "")] * 40
        targets = [Target(HOST, port, http=False, plain_port=None, address="127.0.0.1") for port, _ in wanted]
        started = time.monotonic()
        seen = visit_many(targets, in_flight=200, tls_seconds=TLS_SECONDS)
        seconds = time.monotonic() - started
    assert [one.outcome for one in seen] == [outcome for _, outcome in wanted]
    assert seconds < TLS_SECONDS + 2 * SLACK


def test_a_thread_can_fetch_a_chain_and_over_a_connection_of_its_own(good: ssl.SSLContext) -> None:
    with tls_server(good) as port:
        served = fetch_chain("127.0.0.1", port, HOST, egress.Deadline(3))
        assert list(served.ders) == CHAIN
        assert (served.address, served.tls_version) == ("127.0.0.1", "TLS 1.3")
        with socket.create_connection(("127.0.0.1", port)) as connection:
            over = fetch_chain_over(connection, HOST, egress.Deadline(3))
    assert x509.fingerprint(over.ders[0]) == x509.fingerprint(CHAIN[0])


@pytest.mark.parametrize("title", ["never answers", "drips a byte at a time", "closes after the hello", "speaks HTTP"])
def test_a_thread_that_fetches_a_chain_is_never_held(title: str) -> None:
    serve, outcome = HOSTILE[title]
    started = time.monotonic()
    with listener(serve) as port, pytest.raises(ExpectedError) as caught:
        fetch_chain("127.0.0.1", port, HOST, egress.Deadline(TLS_SECONDS))
    assert caught.value.code == outcome
    assert isinstance(caught.value, TlsFailed) or outcome == "deadline_exceeded"
    assert time.monotonic() - started < TLS_SECONDS + SLACK
