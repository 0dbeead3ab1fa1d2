"""What our own look at a token says, against servers that are wrong in each of the ways that servers are."""

import socket
from typing import Any

import pytest

from config.lib.errors import NeedsUser, describe
from deploy.http01.probe import Asked, look_for, may_pass
from tests.integration.issuing import LOOPBACK
from tests.servers.dns import ChallengeDns
from tests.servers.listener import Script, full, http_script, listening, read_request, silent
from tests.servers.ports import free_port

TOKEN, CONTENT = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ.nP1qzpXGymHBrUEepNY9HCsQk7K8Khk"
NAME = "look.example.net"
OVER_IPV6 = "over IPv6, which a CA asks first: the AAAA record has to lead to the same server. "


@pytest.fixture(autouse=True)
def world(settings: Any, dns_server: ChallengeDns) -> None:
    settings.EGRESS_ALLOW_CIDRS = LOOPBACK
    settings.DNS_RESOLVERS = ((dns_server.host, dns_server.port),)


def answer(status: str, body: str = "", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", body]
    return "\r\n".join(head).encode()


def by_path(answers: dict[str, bytes]) -> Script:
    def script(connection: socket.socket) -> None:
        path = read_request(connection).split(b" ")[1].decode()
        connection.sendall(answers.get(path, answer("404 Not Found", "nothing")))

    return script


CHALLENGE = f"/.well-known/acme-challenge/{TOKEN}"


def looked(settings: Any, script: Script | None, name: str = NAME, webroot: str = "/var/www/html") -> NeedsUser | None:
    with listening(script) as server:
        settings.ACME_HTTP01_PORT = server.port
        found = look_for(Asked(name, TOKEN, CONTENT, webroot))
    assert found is None or isinstance(found, NeedsUser)
    return found


@pytest.mark.parametrize("body", [CONTENT, f"{CONTENT}\n", f"{CONTENT}\r\n \t"])
def test_the_token_is_the_token_whatever_space_follows(settings: Any, body: str) -> None:
    assert looked(settings, by_path({CHALLENGE: answer("200 OK", body)})) is None


def test_a_redirect_that_ends_at_the_token_is_fine(settings: Any) -> None:
    answers = {
        CHALLENGE: answer("302 Found", "", "Location: /elsewhere"),
        "/elsewhere": answer("301 Moved", "", "Location: there"),
        "/there": answer("200 OK", CONTENT),
    }
    assert looked(settings, by_path(answers)) is None


DEFAULT = answer("200 OK", "<title>Welcome to nginx!</title>")


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ({}, "http01_not_found", "HTTP 404 from"),
        ({"/": DEFAULT}, "http01_default_site", "HTTP 404 from"),
        ({CHALLENGE: DEFAULT, "/": DEFAULT}, "http01_default_site", "HTTP 200 from"),
        ({CHALLENGE: answer("403 Forbidden")}, "http01_forbidden", "HTTP 403 from"),
        ({CHALLENGE: answer("401 Unauthorized")}, "http01_forbidden", "HTTP 401 from"),
        ({CHALLENGE: answer("200 OK", "<p>hello\0there")}, "http01_wrong_body", "<p>hello there"),
        ({CHALLENGE: answer("502 Bad Gateway")}, "http01_server_error", "HTTP 502 from"),
        ({CHALLENGE: answer("204 No Content")}, "http01_status", "HTTP 204 from"),
        ({CHALLENGE: answer("403 Forbidden", "", "CF-RAY: 8f2-FRA")}, "http01_cdn", "Cloudflare stands in between"),
        (
            {CHALLENGE: answer("301 Moved", "", f"Location: https://{NAME}:8443/x")},
            "http01_redirected",
            f"HTTP 301 from http://{NAME}:",
        ),
        ({CHALLENGE: answer("301 Moved", "", "Location: /away")}, "http01_redirected", "and not with the token"),
        (
            {CHALLENGE: answer("301 Moved", "", "Location: /away", "CF-RAY: 8f2-FRA")},
            "http01_redirected",
            "with the token. Cloudflare stands in between, so the redirect may be one of its own settings.",
        ),
        ({CHALLENGE: answer("301 Moved", "", f"Location: {CHALLENGE}")}, "http01_redirected", "After 11 redirects"),
        ({CHALLENGE: answer("302 Found", "", "Location: javascript:alert(1)")}, "http01_redirected", "leads elsewhere"),
    ],
)
def test_each_wrong_answer_has_its_words(settings: Any, answers: dict[str, bytes], code: str, said: str) -> None:
    found = looked(settings, by_path(answers))
    assert found is not None
    assert found.code == code
    assert may_pass(found) is (code == "http01_server_error")
    words = describe(found.code, found.params)
    assert words.title == f"Could not fetch http://{NAME}:{settings.ACME_HTTP01_PORT}{CHALLENGE}"
    assert words.why.startswith("Underlying: HTTP ")
    assert said in words.why
    assert "…" not in words.why + words.fix + words.paste


@pytest.mark.parametrize(
    ("server", "has", "lacks"), [("nginx/1.26", "location ^~", "Alias"), ("Apache", "Alias", "^~")]
)
def test_the_lines_are_for_the_server_that_answered(settings: Any, server: str, has: str, lacks: str) -> None:
    answers = {CHALLENGE: answer("301 Moved", "", "Location: /away", f"Server: {server}")}
    found = looked(settings, by_path(answers), webroot="/srv/www/shop")
    assert found is not None
    paste = describe(found.code, found.params).paste
    assert has in paste
    assert lacks not in paste
    assert "/srv/www/shop" in paste


def test_a_closed_port_is_refused_and_named(settings: Any) -> None:
    settings.ACME_HTTP01_PORT = free_port()
    found = look_for(Asked(NAME, TOKEN, CONTENT))
    assert found is not None
    words = describe(found.code, found.params)
    assert found.code == "http01_refused"
    assert may_pass(found)
    assert words.title == f"Let's Encrypt could not reach port {settings.ACME_HTTP01_PORT} of {NAME}"
    assert f"local probe failed: ECONNREFUSED {NAME}:{settings.ACME_HTTP01_PORT}" in words.why


def test_what_speaks_no_http_is_told_so(settings: Any) -> None:
    found = looked(settings, http_script(b"220 mail ESMTP\r\n"))
    assert found is not None
    assert found.code == "http01_broken"
    assert may_pass(found)


def test_a_name_without_an_address_leads_nowhere(settings: Any, dns_server: ChallengeDns) -> None:
    dns_server.set_servfail("gone.example.net")
    try:
        found = look_for(Asked("gone.example.net", TOKEN, CONTENT))
    finally:
        dns_server.clear_servfail("gone.example.net")
    assert found is not None
    assert found.code == "http01_no_address"
    assert may_pass(found), "nobody could be asked"


def test_a_name_that_is_not_there_does_not_come_by_itself() -> None:
    found = look_for(Asked("nowhere.invalid", TOKEN, CONTENT))
    assert found is not None
    assert found.code == "http01_no_address"
    assert not may_pass(found)


def test_a_redirect_to_what_does_not_answer_may_pass(settings: Any) -> None:
    answers = {CHALLENGE: answer("302 Found", "", "Location: /away"), "/away": b"220 mail ESMTP\r\n"}
    found = looked(settings, by_path(answers))
    assert found is not None
    assert found.code == "http01_redirected"
    assert may_pass(found)


def stalled(connection: socket.socket) -> None:
    """The right answer without its end."""
    read_request(connection)
    connection.sendall(answer("200 OK", CONTENT)[:-1])
    connection.recv(1)  # until the other side hangs up


@pytest.mark.parametrize("script", [silent, stalled])
def test_a_server_that_does_not_answer_is_not_waited_for_long(settings: Any, script: Script) -> None:
    settings.ACME_HTTP01_SECONDS = 1
    found = looked(settings, script)
    assert found is not None
    assert found.code == "http01_slow"
    assert may_pass(found)
    assert "local probe failed: ETIMEDOUT" in describe(found.code, found.params).why


def test_what_a_firewall_drops_is_told_by_its_words(settings: Any) -> None:
    settings.ACME_HTTP01_SECONDS = 1
    with full("127.0.0.1") as port:
        settings.ACME_HTTP01_PORT = port
        found = look_for(Asked(NAME, TOKEN, CONTENT))
    assert found is not None
    words = describe(found.code, found.params)
    assert (found.code, may_pass(found)) == ("http01_timeout", True)
    assert words.title == f"Let's Encrypt could not reach port {port} of {NAME}"
    assert words.why == (
        f"local probe failed: ETIMEDOUT {NAME}:{port}. A timeout almost always means that a firewall drops the packets."
    )


class TestBothFamilies:
    """RFC 6724 puts IPv6 first, and a CA goes on to IPv4 only where that does not answer at all."""

    def test_where_ipv6_times_out_ipv4_counts(self, settings: Any, dns_server: ChallengeDns) -> None:
        settings.ACME_HTTP01_SECONDS = 1
        name, seen = "dropped.example.net", list[bytes]()
        dns_server.add_aaaa(name, "::1")
        right = http_script(answer("200 OK", CONTENT), seen)
        with listening(right, host="127.0.0.1") as four, full("::1", four.port):
            settings.ACME_HTTP01_PORT = four.port
            assert look_for(Asked(name, TOKEN, CONTENT)) is None
        assert len(seen) == 1

    def test_where_both_time_out_it_is_said_of_both(self, settings: Any, dns_server: ChallengeDns) -> None:
        settings.ACME_HTTP01_SECONDS = 1
        name = "both-dropped.example.net"
        dns_server.add_aaaa(name, "::1")
        with full("127.0.0.1") as port, full("::1", port):
            settings.ACME_HTTP01_PORT = port
            found = look_for(Asked(name, TOKEN, CONTENT))
        assert found is not None
        assert found.code == "http01_timeout"
        assert "IPv6" not in describe(found.code, found.params).why, "mending the AAAA record alone would not help"

    def test_where_ipv6_connects_and_says_nothing_ipv4_is_not_asked(
        self, settings: Any, dns_server: ChallengeDns
    ) -> None:
        settings.ACME_HTTP01_SECONDS = 1
        name, seen = "slow-six.example.net", list[bytes]()
        dns_server.add_aaaa(name, "::1")
        right = http_script(answer("200 OK", CONTENT), seen)
        with listening(right, host="127.0.0.1") as four, listening(silent, host="::1", port=four.port):
            settings.ACME_HTTP01_PORT = four.port
            found = look_for(Asked(name, TOKEN, CONTENT))
        assert found is not None
        assert (found.code, seen) == ("http01_slow", [])
        assert OVER_IPV6 in describe(found.code, found.params).why

    def test_a_name_with_an_aaaa_record_alone_is_asked_over_ipv6(self, settings: Any, dns_server: ChallengeDns) -> None:
        name = "six.example.net"
        dns_server.add_aaaa(name, "::1")
        dns_server.set_default_address("")
        try:
            with listening(by_path({CHALLENGE: answer("200 OK", CONTENT)}), host="::1") as six:
                settings.ACME_HTTP01_PORT = six.port
                assert look_for(Asked(name, TOKEN, CONTENT)) is None
        finally:
            dns_server.set_default_address("127.0.0.1")

    def test_what_ipv6_answers_counts(self, settings: Any, dns_server: ChallengeDns) -> None:
        name = "both.example.net"
        dns_server.add_aaaa(name, "::1")
        right, wrong = by_path({CHALLENGE: answer("200 OK", CONTENT)}), by_path({})
        with listening(right, host="127.0.0.1") as four, listening(wrong, host="::1", port=four.port):
            settings.ACME_HTTP01_PORT = four.port
            found = look_for(Asked(name, TOKEN, CONTENT))
        assert isinstance(found, NeedsUser)
        assert found.code == "http01_not_found"
        assert "It was asked over IPv6" in describe(found.code, found.params).why

    def test_a_closed_port_over_ipv6_is_the_end(self, settings: Any, dns_server: ChallengeDns) -> None:
        name, seen = "refused.example.net", list[bytes]()
        dns_server.add_aaaa(name, "::1")
        found = looked(settings, http_script(answer("200 OK", CONTENT), seen), name)
        assert found is not None
        assert (found.code, seen) == ("http01_refused", [])
        assert OVER_IPV6 in describe(found.code, found.params).why


def test_private_addresses_are_not_looked_at(settings: Any) -> None:
    settings.EGRESS_ALLOW_CIDRS = ()
    found = look_for(Asked(NAME, TOKEN, CONTENT))
    assert found is not None
    assert found.code == "egress_refused"
    assert not may_pass(found)
