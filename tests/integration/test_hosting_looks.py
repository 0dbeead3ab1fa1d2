"""Looking at a site that may mean no good: every look ends in time, and never where it must not lead."""

import gzip
import itertools
import secrets
import socket
import ssl
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest_django import Settings

from config.lib import egress
from domains.hosting.detecting import Site, look_at, results_of
from domains.hosting.evidence import unfolded
from domains.hosting.judging import Outcome, judge, outcome_of
from domains.hosting.looking import PAGE_BYTES, PANEL_PORTS, REDIRECTS, Look, knock, look_at_page, look_up_host
from tests.servers.ca import TestCa
from tests.servers.listener import Listener, Script, dripping, http_script, listening, read_request
from tests.servers.stub_dns import StubDns, stub_dns

HOST, WWW, ELSEWHERE = "acme-widgets.com", "www.acme-widgets.com", "shop.acme-gadgets.com"
PAGE = b'<meta name="generator" content="WordPress 6.6"><script src="/wp-content/a.js"></script>'

type Serve = Callable[..., Listener]


@pytest.fixture
def names(settings: Settings) -> Iterator[StubDns]:
    """Each name leads to an address of loopback that no other test uses."""
    with stub_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
        for host in (HOST, WWW, ELSEWHERE):
            server.answer(host, "A", [f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}.9"])
        yield server


@pytest.fixture
def serve(names: StubDns) -> Iterator[Serve]:
    """Start a listener at a host's address; port 0 is any."""
    with ExitStack() as stack:

        def start(script: Script, host: str = HOST, port: int = 0) -> Listener:
            (address,) = egress.resolve(host, egress.Deadline(2))
            return stack.enter_context(listening(script, host=address, port=port))

        yield start


@pytest.fixture
def secure(tmp_path: Path) -> Callable[[Script], Script]:
    """Puts a script behind a certificate that nobody trusts."""
    TestCa().issue([HOST, f"cpanel.{HOST}", f"webdisk.{HOST}"]).write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "fullchain.pem", tmp_path / "key.pem")

    def wrapped(script: Script) -> Script:
        def over_tls(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secured:
                script(secured)

        return over_tls

    return wrapped


def answer(body: bytes = PAGE, *headers: str, status: str = "200 OK") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


def shown(look: Look) -> set[str]:
    return {one.platform for one in judge(look.facts, outcome_of(look.facts, look.status)).badges}


def timed(port: int, seconds: float) -> tuple[Look, float]:
    began = time.monotonic()
    return look_at_page(HOST, port, seconds=seconds), time.monotonic() - began


def error_of(look: Look) -> str:
    return look.error.code if look.error else ""


def test_a_page_behind_an_invalid_certificate_is_read_and_that_is_recorded(
    serve: Serve, secure: Callable[[Script], Script]
) -> None:
    seen: list[bytes] = []
    listener = serve(secure(http_script(answer(PAGE, "Server: nginx", "Set-Cookie: a=1", "Set-Cookie: b=2"), seen)))
    look = look_at_page(HOST, listener.port)
    assert (look.status, look.error) == (200, None)
    assert shown(look) == {"nginx", "wordpress", "cpanel"}
    assert "certificate" in look.distrust
    assert [one.key for one in look.facts if one.where == "cookie"] == ["a", "b"]
    request = seen[0].lower()
    assert b"user-agent: mozilla/5.0 (compatible; managemycert" in request
    assert b"accept-encoding: identity" in request
    assert b"authorization" not in request
    assert b"cookie" not in request


def test_http_is_asked_where_https_does_not_answer(serve: Serve) -> None:
    serve(http_script(answer(PAGE, "Server: Apache")), port=80)
    look = look_at_page(HOST, 443)
    assert (look.url, shown(look)) == (f"http://{HOST}/", {"apache", "wordpress"})


def test_a_host_without_any_page_says_why(names: StubDns) -> None:
    assert error_of(look_at_page(HOST, 443)) == "connect_refused"
    assert error_of(look_at_page("absent.acme-widgets.com", 443)) == "dns_nxdomain"


def test_an_endless_body_is_cut(serve: Serve, secure: Callable[[Script], Script]) -> None:
    def endless(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n" + PAGE)
        while True:
            connection.sendall(b"x" * 65_536)

    sighting = egress.http_unverified_for_detection(
        f"https://{HOST}:{serve(secure(endless)).port}/", headers={}, deadline=egress.Deadline(5), max_bytes=PAGE_BYTES
    )
    assert len(sighting.hops[0].body) == PAGE_BYTES
    look, seconds = timed(serve(secure(endless)).port, 5)
    assert shown(look) == {"nginx", "wordpress", "cpanel"}
    assert seconds < 5


def test_a_body_that_drips_is_judged_by_what_came_in_time(serve: Serve, secure: Callable[[Script], Script]) -> None:
    def drips(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n" + PAGE)
        dripping(itertools.repeat(b"x"))(connection)

    look, seconds = timed(serve(secure(drips)).port, 1)
    assert shown(look) == {"nginx", "wordpress", "cpanel"}
    assert seconds < 2


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b""])
def test_a_head_that_drips_ends_with_the_deadline(
    head: bytes, serve: Serve, secure: Callable[[Script], Script]
) -> None:
    def drips(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        dripping(itertools.repeat(b"x"))(connection)

    look, seconds = timed(serve(secure(drips)).port, 1)
    assert (look.status, error_of(look)) == (None, "deadline_exceeded")
    assert seconds < 2


def test_headers_without_end_are_given_up(serve: Serve, secure: Callable[[Script], Script]) -> None:
    def floods(connection: socket.socket) -> None:
        read_request(connection)
        while True:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 1000)

    look, seconds = timed(serve(secure(floods)).port, 5)
    assert error_of(look) in ("too_large", "http_failed", "deadline_exceeded")
    assert seconds < 6


def test_a_gzip_bomb_unfolds_no_further_than_a_page(serve: Serve, secure: Callable[[Script], Script]) -> None:
    bomb = gzip.compress(PAGE + b"\0" * 50_000_000)
    port = serve(secure(http_script(answer(bomb, "Content-Encoding: gzip")))).port
    tracemalloc.start()
    look, _ = timed(port, 8)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert shown(look) == {"wordpress", "cpanel"}
    assert peak < 20_000_000
    hop = egress.Hop("https://a.net/", 200, (("content-encoding", "gzip"),), bomb[:PAGE_BYTES])
    assert len(unfolded(hop)) == PAGE_BYTES
    assert unfolded(egress.Hop("https://a.net/", 200, (("content-encoding", "gzip"),), b"no gzip")) == b""


def test_a_redirect_loop_ends_after_five(serve: Serve, secure: Callable[[Script], Script]) -> None:
    listener = serve(secure(http_script(answer(b"", "Location: /again", "Server: nginx", status="302 Found"))))
    look = look_at_page(HOST, listener.port)
    assert look.status == 302
    assert outcome_of(look.facts, look.status) == Outcome.NO_PAGE
    # Each certificate is refused first, and then looked at all the same.
    assert listener.connections == 2 * (REDIRECTS + 1)


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "file:///etc/passwd",
        f"https://{WWW}:8443/",
    ],
)
def test_a_redirect_to_a_private_address_or_an_odd_port_is_not_followed(
    location: str, serve: Serve, secure: Callable[[Script], Script]
) -> None:
    elsewhere = serve(http_script(answer()), host=WWW, port=8443)
    listener = serve(secure(http_script(answer(b"", f"Location: {location}", status="302 Found"))))
    look = look_at_page(HOST, listener.port)
    # An address is no part of this site, so it is not even looked up.
    assert error_of(look) == "egress_refused" or look.elsewhere
    assert elsewhere.connections == 0


def test_a_name_of_the_site_that_leads_inside_is_refused(
    names: StubDns, serve: Serve, secure: Callable[[Script], Script], settings: Settings
) -> None:
    """Judged at each hop: the first address was fine."""
    inner = serve(http_script(answer()), host=WWW, port=80)
    listener = serve(secure(http_script(answer(b"", f"Location: http://{WWW}/", status="302 Found"))))
    settings.EGRESS_ALLOW_CIDRS = (ip_network(f"{listener.host}/32"),)
    assert error_of(look_at_page(HOST, listener.port)) == "egress_refused"
    assert inner.connections == 0


def test_another_registered_domain_is_named_and_not_followed(serve: Serve, secure: Callable[[Script], Script]) -> None:
    other = serve(http_script(answer()), host=ELSEWHERE, port=80)
    redirect = answer(b"", "Server: nginx", f"Location: http://{ELSEWHERE}/", status="301 Moved")
    site = look_at(Site(HOST, serve(secure(http_script(redirect))).port, is_proven=False))
    results = results_of(site)
    assert (results["outcome"], site.page.elsewhere) == ("elsewhere", ELSEWHERE)
    (note,) = (one for one in results["notes"] if one["code"] == "hosting_elsewhere")
    assert note["params"]["target"] == ELSEWHERE
    assert [one["platform"] for one in results["badges"]] == ["cpanel", "nginx"]
    assert other.connections == 0


def test_aliases_are_read_to_their_end(names: StubDns) -> None:
    names.answer("blog.acme-widgets.com", "CNAME", ["inner.acme-widgets.com."])
    names.answer("inner.acme-widgets.com", "CNAME", ["forge.ghost.io."])
    facts = look_up_host("blog.acme-widgets.com", ["203.0.113.9"])
    told = [(one.where, one.value) for one in facts]
    assert told == [("cname", "inner.acme-widgets.com"), ("cname", "forge.ghost.io"), ("address", "203.0.113.9")]


def test_aliases_in_a_circle_end(names: StubDns) -> None:
    names.answer("a.acme-widgets.com", "CNAME", ["b.acme-widgets.com."])
    names.answer("b.acme-widgets.com", "CNAME", ["a.acme-widgets.com."])
    assert len(look_up_host("a.acme-widgets.com", [])) <= 3


def test_strangers_doors_are_not_knocked_at(serve: Serve, secure: Callable[[Script], Script]) -> None:
    page = serve(secure(http_script(answer(b"<p>hello"))))
    doors = [serve(secure(http_script(answer(b"", "Server: cpsrvd"))), port=port) for port in PANEL_PORTS]
    site = look_at(Site(HOST, page.port, is_proven=False))
    assert site.ports == {}
    assert [door.connections for door in doors] == [0] * len(PANEL_PORTS)
    # The page, refused and read: no path beside it.
    assert page.connections == 2


def test_an_owners_doors_are_knocked_at_and_silence_is_unknown(
    serve: Serve, secure: Callable[[Script], Script]
) -> None:
    seen: list[bytes] = []
    page = serve(secure(http_script(answer(b"<p>hello"), seen)))
    serve(secure(http_script(answer(b"", "Server: DirectAdmin Daemon v1.61"))), port=2222)
    serve(secure(dripping(itertools.repeat(b""))), port=8443)
    began = time.monotonic()
    site = look_at(Site(HOST, page.port, is_proven=True))
    assert time.monotonic() - began < 8
    assert site.ports == {"2083": "closed", "8443": "unknown", "2222": "open", "8083": "closed"}
    assert "directadmin" in {one["platform"] for one in results_of(site)["badges"]}
    asked = {request.split()[1] for request in seen}
    assert asked == {b"/", b"/wp-json/", b"/wp-login.php", b"/user/login", b"/administrator/", b"/magento_version"}


def test_a_filtered_port_is_unknown(names: StubDns, settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = ()
    assert knock(HOST, 2083) == ("unknown", [])


def test_www_on_another_host_is_told(serve: Serve, secure: Callable[[Script], Script]) -> None:
    here = serve(secure(http_script(answer(PAGE, "Server: nginx"))))
    serve(secure(http_script(answer(b"", "powered-by: Shopify"))), host=WWW, port=here.port)
    notes = results_of(look_at(Site(HOST, here.port, is_proven=False)))["notes"]
    (note,) = (one for one in notes if one["code"] == "hosting_partner_differs")
    assert note["params"] == {"host": HOST, "partner": WWW, "here": "its own server", "there": "Shopify"}


def test_www_on_the_same_server_is_no_news(serve: Serve, secure: Callable[[Script], Script]) -> None:
    here = serve(secure(http_script(answer(PAGE, "Server: nginx"))))
    serve(secure(http_script(answer(b"", "Server: nginx"))), host=WWW, port=here.port)
    assert results_of(look_at(Site(HOST, here.port, is_proven=False)))["notes"] == []


def test_another_server_over_ipv6_is_told(names: StubDns, serve: Serve, secure: Callable[[Script], Script]) -> None:
    here = serve(secure(http_script(answer(PAGE, "Server: nginx"))))
    names.answer(HOST, "AAAA", ["::1"])
    with listening(secure(http_script(answer(PAGE, "Server: Vercel"))), host="::1", port=here.port):
        results = results_of(look_at(Site(HOST, here.port, is_proven=False)))
    (note,) = (one for one in results["notes"] if one["code"] == "hosting_families_differ")
    assert note["params"] == {"host": HOST, "four": "its own server", "six": "Vercel"}
    assert {one["platform"] for one in results["badges"]} == {"nginx", "wordpress", "cpanel"}


def test_a_family_that_does_not_answer_says_nothing(
    names: StubDns, serve: Serve, secure: Callable[[Script], Script]
) -> None:
    here = serve(secure(http_script(answer(PAGE, "Server: nginx"))))
    names.answer(HOST, "AAAA", ["::1"])
    assert results_of(look_at(Site(HOST, here.port, is_proven=False)))["notes"] == []
