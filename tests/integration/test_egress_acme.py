"""The session of an ACME client: a real Pebble, and URLs that would lead elsewhere."""

import itertools
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_network

import josepy
import pytest
import requests
from acme import client, messages
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django import Settings

from config.lib.egress import Deadline
from config.lib.egress.acme_session import acme_session
from config.lib.errors import ExpectedError
from tests.servers.listener import dripping, http_script, listening, read_request
from tests.servers.pebble import Pebble
from tests.servers.ports import wait_until


@pytest.fixture
def opened(settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def session(pebble_server: Pebble, opened: None) -> Iterator[requests.Session]:
    with acme_session(pebble_server.directory_url, str(pebble_server.ca_bundle)) as acme:
        yield acme


def test_the_acme_library_works_through_it(pebble_server: Pebble, session: requests.Session) -> None:
    network = client.ClientNetwork(josepy.jwk.JWKEC(key=ec.generate_private_key(ec.SECP256R1())), alg=josepy.jwa.ES256)
    network.session = session
    acme = client.ClientV2(client.ClientV2.get_directory(pebble_server.directory_url, network), network)
    account = acme.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
    assert account.uri.startswith(pebble_server.directory_url.removesuffix("dir"))


def test_an_authority_s_urls_lead_to_itself_only(pebble_server: Pebble, session: requests.Session) -> None:
    directory = pebble_server.directory_url
    with listening() as canary:
        elsewhere = [
            f"https://localhost:{canary.port}/",
            f"https://127.0.0.1:{canary.port}/",
            "https://169.254.169.254/",
        ]
        for url in [*elsewhere, directory.replace("https", "http"), directory.replace("localhost", "127.0.0.1")]:
            with pytest.raises(ExpectedError, match="egress_refused"):
                session.get(url)
        assert canary.connections == 0


def test_an_unknown_authority_is_not_talked_to(pebble_server: Pebble, opened: None) -> None:
    with (
        acme_session(pebble_server.directory_url) as stranger,
        pytest.raises(ExpectedError, match="tls_failed"),
    ):
        stranger.get(pebble_server.directory_url, verify=False)


def _patient(sock: socket.socket) -> None:
    """Answers one request after the other on the same connection."""
    while read_request(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_one_connection_serves_all_requests(opened: None) -> None:
    with listening(_patient) as server, acme_session(f"http://127.0.0.1:{server.port}/dir") as acme:
        for _ in range(3):
            assert acme.get(f"http://127.0.0.1:{server.port}/dir").json() == {}
        assert server.connections == 1


def test_a_kept_connection_gets_the_time_of_the_request_under_way(opened: None) -> None:
    with listening(_patient) as server, acme_session(f"http://127.0.0.1:{server.port}/dir") as acme:
        first = Deadline(0.3)
        assert acme.get(f"http://127.0.0.1:{server.port}/dir", timeout=0.3).json() == {}
        wait_until(lambda: not first.left(), seconds=2, what="the end of the first request's time")
        assert acme.get(f"http://127.0.0.1:{server.port}/dir", timeout=5).json() == {}
        assert server.connections == 1


@pytest.mark.parametrize("location", ["http://127.0.0.1/", "/dir", "http://169.254.169.254/"])
def test_a_redirect_is_refused(opened: None, location: str) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    with listening(http_script(moved)) as server, acme_session(f"http://127.0.0.1:{server.port}/dir") as acme:
        with pytest.raises(ExpectedError, match="egress_refused"):
            acme.get(f"http://127.0.0.1:{server.port}/dir")
        assert server.connections == 1


def test_a_dripping_authority_ends_at_the_timeout(opened: None) -> None:
    drip = dripping(itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(b"x")))
    with listening(drip) as server, acme_session(f"http://127.0.0.1:{server.port}/dir") as acme:
        started = time.monotonic()
        with pytest.raises(ExpectedError, match="deadline_exceeded"):
            acme.get(f"http://127.0.0.1:{server.port}/dir", timeout=0.6)
    assert time.monotonic() - started < 1.5


def test_an_answer_without_end_is_cut_off(opened: None) -> None:
    large = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 400_000
    with (
        listening(http_script(large)) as server,
        acme_session(f"http://127.0.0.1:{server.port}/dir") as acme,
        pytest.raises(ExpectedError, match="too_large"),
    ):
        acme.get(f"http://127.0.0.1:{server.port}/dir")
