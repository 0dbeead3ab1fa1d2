"""HTTP: one deadline over all reads, capped bodies, redirects that carry no credentials along."""

import itertools
import secrets
import socket
import ssl
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from config.lib import egress
from config.lib.egress import Deadline, HttpAnswer
from config.lib.errors import ExpectedError
from tests.servers.ca import TestCa
from tests.servers.listener import Listener, Script, dripping, http_script, listening, read_request
from tests.servers.ports import wait_until
from tests.servers.stub_dns import StubDns, stub_dns

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FIRST, SECOND = "first.acme-widgets.com", "second.acme-widgets.com"

type Serve = Callable[..., Listener]


@pytest.fixture
def names(settings: Settings) -> Iterator[StubDns]:
    """FIRST and SECOND lead to addresses of loopback that no other test uses."""
    with stub_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
        for host in (FIRST, SECOND):
            server.answer(host, "A", [f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}.9"])
        yield server


@pytest.fixture
def serve(names: StubDns) -> Iterator[Serve]:
    """Start a listener at a host's address; port 0 is any."""
    with ExitStack() as stack:

        def start(script: Script, host: str = FIRST, port: int = 0) -> Listener:
            (address,) = egress.resolve(host, Deadline(2))
            return stack.enter_context(listening(script, host=address, port=port))

        yield start


def _get(listener: Listener, *, seconds: float = 3, **options: Any) -> HttpAnswer:
    return egress.http("GET", f"http://{FIRST}:{listener.port}/path?q=1", deadline=Deadline(seconds), **options)


def _code(call: Callable[[], object]) -> str:
    with pytest.raises(ExpectedError) as failure:
        call()
    return failure.value.code


def _redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def test_the_answer_comes_whole_and_the_request_names_the_host(serve: Serve) -> None:
    seen: list[bytes] = []
    listener = serve(http_script(b"HTTP/1.1 404 No\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\nabc", seen))
    answer = _get(listener, headers={"X-Token": "t"})
    assert (answer.status, answer.body, answer.headers["x-a"]) == (404, b"abc", "1, 2")
    assert answer.url == f"http://{FIRST}:{listener.port}/path?q=1"
    lines = seen[0].lower().split(b"\r\n")
    assert lines[0] == b"get /path?q=1 http/1.1"
    assert f"host: {FIRST}:{listener.port}".encode() in lines
    assert b"accept-encoding: identity" in lines
    assert b"x-token: t" in lines


def test_proxy_variables_of_the_environment_are_ignored(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert _get(serve(http_script(OK))).status == 200
        assert proxy.connections == 0


def test_a_body_of_the_limit_passes_and_one_byte_more_does_not(serve: Serve) -> None:
    def sized(size: int) -> Listener:
        return serve(http_script(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size))

    assert len(_get(sized(1000), max_bytes=1000).body) == 1000
    assert _code(lambda: _get(sized(1001), max_bytes=1000)) == "too_large"


def _flood(head: bytes, piece: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return script


FLOODS = {
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Header: value\r\n" * 1000),
    "one header": (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
    "status line": (b"HTTP/1.1 200 ", b"O" * 65536),
    "informational": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_ends_by_the_cap_or_the_deadline(serve: Serve, flood: str) -> None:
    listener = serve(_flood(*FLOODS[flood]))
    started = time.monotonic()
    assert _code(lambda: _get(listener, seconds=1)) in ("too_large", "http_failed", "deadline_exceeded")
    assert time.monotonic() - started < 2


def _after_request(drip: Iterable[bytes] | bytes) -> Script:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        dripping(drip)(connection)

    return script


DRIPS: dict[str, Callable[[], Script]] = {
    "status line": lambda: _after_request(b"HTTP/1.1 200 OK and so on for ever"),
    "headers": lambda: _after_request(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 99),
    "body": lambda: _after_request(itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(b"x"))),
    "chunks": lambda: _after_request(
        itertools.chain([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], itertools.repeat(b"1\r\nx\r\n"))
    ),
    "silence": lambda: _after_request(itertools.repeat(b"")),
}


@pytest.mark.parametrize("drip", DRIPS)
def test_a_dripping_server_ends_at_the_deadline(serve: Serve, drip: str) -> None:
    listener = serve(DRIPS[drip]())
    started = time.monotonic()
    assert _code(lambda: _get(listener, seconds=0.6)) == "deadline_exceeded"
    assert 0.5 < time.monotonic() - started < 1.5


def test_a_stalled_tls_handshake_ends_at_the_deadline(serve: Serve) -> None:
    listener = serve(dripping(itertools.repeat(b"\x16")))
    url = f"https://{FIRST}:{listener.port}/"
    started = time.monotonic()
    assert _code(lambda: egress.http("GET", url, deadline=Deadline(0.6))) in ("deadline_exceeded", "tls_failed")
    assert time.monotonic() - started < 1.5


GARBAGE = [b"", b"\x00" * 100, b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/0.9 hello", b"<html>", b"HTTP/1.1 abc OK\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
           b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
           b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_is_not_http_is_reported_as_such(serve: Serve, garbage: bytes) -> None:
    assert _code(lambda: _get(serve(http_script(garbage)))) == "http_failed"


def test_a_redirect_is_answered_as_it_came_unless_asked_for(serve: Serve) -> None:
    listener = serve(http_script(_redirect("/elsewhere")))
    assert (_get(listener).status, listener.connections) == (302, 1)
    assert (_get(listener, redirects=2).status, listener.connections) == (302, 4)


LADDER = {
    "file:///etc/passwd": "egress_refused",
    "gopher://127.0.0.1/": "egress_refused",
    "ftp://second.acme-widgets.com/": "egress_refused",
    "javascript:alert(1)": "egress_refused",
    "http://127.1/": "egress_refused",
    "http://0x7f000001/": "egress_refused",
    "http://2130706433/": "egress_refused",
    "http://169.254.169.254/latest/meta-data/": "egress_refused",
    "http://[::ffff:169.254.169.254]/": "egress_refused",
    "http://[::1]/": "egress_refused",
    "//10.0.0.1/": "egress_refused",
    "http://user:secret@second.acme-widgets.com/": "egress_refused",
    "http://second.acme-widgets.com:22/": "egress_refused",
    "http://second.acme-widgets.com:8080/": "egress_refused",
    "https://second.acme-widgets.com:8443/": "egress_refused",
    "http://second.acme-widgets.com\\@169.254.169.254/": "egress_refused",
    "http://second.acme-widgets.com:99999/": "egress_refused",
    "http://[": "egress_refused",
    "http://absent.acme-widgets.com/": "dns_nxdomain",
}


@pytest.mark.parametrize("location", LADDER)
def test_a_redirect_to_anything_unusual_is_refused(serve: Serve, location: str) -> None:
    listener = serve(http_script(_redirect(location)))
    assert _code(lambda: _get(listener, redirects=10)) == LADDER[location]
    assert listener.connections == 1


def test_credentials_are_not_taken_to_another_host(serve: Serve) -> None:
    """Port 80, as redirects may lead nowhere else but to 443."""
    seen: list[bytes] = []
    second = serve(http_script(OK, seen), host=SECOND, port=80)
    first = serve(http_script(_redirect(f"http://{SECOND}/x", 307)))
    secret = {"Authorization": "Bearer canary", "Cookie": "canary", "X-Api-Key": "canary", "Accept": "text/html"}
    answer = _get(first, headers=secret, redirects=1)
    assert (answer.status, answer.url, second.connections) == (200, f"http://{SECOND}/x", 1)
    assert b"canary" not in seen[0]
    assert b"accept: text/html" in seen[0].lower()


def test_credentials_stay_on_the_same_origin(serve: Serve) -> None:
    seen: list[bytes] = []
    listener = serve(http_script(_redirect("/next"), seen))
    _get(listener, headers={"Authorization": "Bearer canary"}, redirects=1)
    assert [b"canary" in request for request in seen] == [True, True]


@pytest.mark.parametrize("status", [307, 308])
def test_a_body_is_not_handed_on_to_another_host(serve: Serve, status: int) -> None:
    first = serve(http_script(_redirect(f"http://{SECOND}/", status)))
    url = f"http://{FIRST}:{first.port}/"
    assert (
        _code(lambda: egress.http("POST", url, body=b"canary", deadline=Deadline(2), redirects=1)) == "egress_refused"
    )


def test_a_post_that_is_sent_elsewhere_becomes_a_get(serve: Serve) -> None:
    seen: list[bytes] = []
    listener = serve(http_script(_redirect("/next", 303), seen))
    egress.http("POST", f"http://{FIRST}:{listener.port}/", body=b"body", deadline=Deadline(2), redirects=1)
    assert seen[0].startswith(b"POST /")
    assert seen[1].startswith(b"GET /next")
    assert b"content-length" not in seen[1].lower()


URLS = [
    *("", "shop", "ftp://a.com/", "http://", "http:///x", "HTTP//a.com", "http://[::1", "http://a.com\\b"),
    *("http://a b.com/", "http://a.com/ x", "http://a.com/\r\nX: y", "http://a.com/ü"),
    *("http://u:p@a.com/", "http://a.com:x/", "http://a.com:99999/"),
]


@pytest.mark.parametrize("url", URLS)
def test_an_odd_url_is_refused_before_anything_is_asked(url: str, names: StubDns) -> None:
    assert _code(lambda: egress.http("GET", url, deadline=Deadline(2))) == "url_malformed"
    assert names.questions == []


def test_an_error_about_a_header_does_not_quote_it(serve: Serve) -> None:
    listener = serve(http_script(OK))
    secret = f"{secrets.token_hex()}\r\nX: y"
    with pytest.raises(ExpectedError) as failure:
        _get(listener, headers={"Authorization": secret})
    told = "".join(traceback.format_exception(failure.value)) + str(failure.value.params)
    assert secret[:16] not in told


@pytest.fixture
def authority(tmp_path: Path, settings: Settings) -> TestCa:
    """A private authority that TLS_EXTRA_CA_BUNDLE makes known."""
    ca = TestCa()
    (tmp_path / "extra.pem").write_bytes(ca.root_pem)
    settings.TLS_EXTRA_CA_BUNDLE = str(tmp_path / "extra.pem")
    return ca


def _over_tls(ca: TestCa, place: Path, age_days: float = 1) -> Script:
    """Answers OK behind a certificate for FIRST."""
    ca.issue([FIRST], age_days=age_days).write(place)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "fullchain.pem", place / "key.pem")

    def script(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            read_request(secured)
            secured.sendall(OK)

    return script


def _get_tls(listener: Listener, host: str = FIRST, ca_bundle: str | None = None) -> int:
    return egress.http("GET", f"https://{host}:{listener.port}/", deadline=Deadline(3), ca_bundle=ca_bundle).status


def test_a_private_root_is_trusted_where_the_operator_named_it(
    serve: Serve, authority: TestCa, tmp_path: Path, settings: Settings
) -> None:
    listener = serve(_over_tls(authority, tmp_path))
    assert _get_tls(listener) == 200
    assert _get_tls(listener, ca_bundle=str(tmp_path / "extra.pem")) == 200
    settings.TLS_EXTRA_CA_BUNDLE = ""
    assert _code(lambda: _get_tls(listener)) == "tls_failed"


def test_a_given_bundle_replaces_the_public_roots(serve: Serve, authority: TestCa, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(TestCa("Another").root_pem)
    listener = serve(_over_tls(authority, tmp_path))
    assert _code(lambda: _get_tls(listener, ca_bundle=str(tmp_path / "other.pem"))) == "tls_failed"


def test_an_expired_certificate_is_not_talked_to(serve: Serve, authority: TestCa, tmp_path: Path) -> None:
    listener = serve(_over_tls(authority, tmp_path, age_days=100))
    assert _code(lambda: _get_tls(listener)) == "tls_failed"


def test_a_certificate_of_another_host_is_not_talked_to(
    serve: Serve, names: StubDns, authority: TestCa, tmp_path: Path
) -> None:
    listener = serve(_over_tls(authority, tmp_path))
    names.answer(SECOND, "A", [listener.host])
    assert _code(lambda: _get_tls(listener, SECOND)) == "tls_failed"


def test_a_failure_tells_whether_the_request_had_gone_out(serve: Serve) -> None:
    def say_nothing(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)  # until the other side gives up

    silent = serve(say_nothing)
    with pytest.raises(egress.Unreachable) as after:
        _get(silent, seconds=1)
    assert after.value.was_written
    with pytest.raises(egress.Unreachable) as before:
        egress.http("GET", f"http://{FIRST}:1/", deadline=Deadline(1))
    assert not before.value.was_written


def test_a_body_may_be_cut_instead_of_refused(serve: Serve) -> None:
    listener = serve(http_script(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"))
    assert _get(listener, max_bytes=2, cuts=True).body == b"ab"
    assert _code(lambda: _get(listener, max_bytes=2)) == "too_large"


def _pinned_to(fingerprint: str, listener: Listener, scheme: str = "https", **options: Any) -> HttpAnswer:
    url = f"{scheme}://{FIRST}:{listener.port}/"
    return egress.http("POST", url, body=b"key", deadline=Deadline(3), pinned=fingerprint, **options)


def _keeping(ca: TestCa, place: Path, seen: list[bytes], names: list[str]) -> tuple[str, Script]:
    """(the certificate's fingerprint, what keeps all that comes after the handshake)."""
    issued = ca.issue(names, age_days=100)
    issued.write(place)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "fullchain.pem", place / "key.pem")

    def script(connection: socket.socket) -> None:
        received = b""
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                while not received.endswith(b"key") and (piece := secured.recv(65536)):
                    received += piece
                secured.sendall(OK)
        finally:
            # Also of a connection that was reset.
            seen.append(received)

    return issued.fingerprint, script


def test_a_pinned_certificate_stands_for_itself(serve: Serve, tmp_path: Path) -> None:
    """Expired, of an unknown authority and for another name: whoever pinned it has said that it is the one."""
    seen: list[bytes] = []
    fingerprint, script = _keeping(TestCa("Nobody"), tmp_path, seen, ["panel.internal"])
    assert _pinned_to(fingerprint, serve(script)).body == b"ok"
    wait_until(lambda: len(seen) == 1, seconds=5, what="the end of the connection")
    assert seen[0].endswith(b"\r\n\r\nkey")


def test_another_certificate_than_the_pinned_one_gets_nothing(
    serve: Serve, authority: TestCa, tmp_path: Path, settings: Settings
) -> None:
    """Also where it would be trusted without a pin."""
    seen: list[bytes] = []
    fingerprint, script = _keeping(authority, tmp_path, seen, [FIRST])
    listener = serve(script)
    with pytest.raises(egress.Refused) as refusal:
        _pinned_to("0" * 64, listener)
    assert refusal.value.code == "tls_other_certificate"
    assert refusal.value.params == {"host": FIRST, "expected": "0" * 64, "seen": fingerprint}
    wait_until(lambda: len(seen) == 1, seconds=5, what="the end of the refused connection")
    assert seen == [b""]
    # The same listener does hear whoever pinned it.
    assert _pinned_to(fingerprint, listener).body == b"ok"


def test_nothing_pinned_goes_out_without_tls(serve: Serve) -> None:
    seen: list[bytes] = []
    listener = serve(http_script(OK, seen))
    assert _code(lambda: _pinned_to("0" * 64, listener, "http")) == "egress_refused"
    assert listener.connections == 0
