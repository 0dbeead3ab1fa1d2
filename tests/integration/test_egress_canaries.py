"""No spelling and no DNS answer leads any sink of the portal to a listener on its own machine."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from ipaddress import ip_network

import pytest
import requests
from pytest_django import Settings

from config.lib import egress
from config.lib.egress import Deadline
from config.lib.egress.acme_session import acme_session
from config.lib.errors import ExpectedError
from tests.servers.listener import Listener, http_script, listening
from tests.servers.ports import free_port
from tests.servers.special_addresses import SPELLINGS, V4, V6
from tests.servers.stub_dns import StubDns, stub_dns

type Sink = Callable[[str, int], object]

NAMES = {f"v{number}.vectors.acme-widgets.com": address for number, address in enumerate([*V4, *V6])}


def _mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@acme-widgets.com", "b@acme-widgets.com", "x"
    return mail


def _through_acme(host: str, port: int) -> requests.Response:
    with acme_session(f"https://{host}:{port}/dir") as session:
        return session.get(f"https://{host}:{port}/dir", timeout=2)


SINKS: dict[str, Sink] = {
    "resolve": lambda host, _: egress.resolve(host, Deadline(2)),
    "resolve_async": lambda host, _: asyncio.run(egress.resolve_async(host, Deadline(2))),
    "open_socket": lambda host, port: egress.open_socket(host, port, Deadline(2)),
    "open_socket_async": lambda host, port: asyncio.run(egress.open_socket_async(host, port, Deadline(2))),
    "http": lambda host, port: egress.http("GET", f"http://{host}:{port}/", deadline=Deadline(2)),
    "https": lambda host, port: egress.http("GET", f"https://{host}:{port}/", deadline=Deadline(2)),
    "acme": _through_acme,
    "smtp": lambda host, port: egress.smtp_send(f"smtp://{host}:{port}/?tls=none", _mail(), Deadline(2)),
    "smtp_implicit": lambda host, port: egress.smtp_send(f"smtp://{host}:{port}/?tls=implicit", _mail(), Deadline(2)),
}


@dataclass
class Canaries:
    """One port on every loopback address that a vector could lead to."""

    port: int
    listeners: list[Listener]

    def connections(self) -> int:
        return sum(listener.connections for listener in self.listeners)


@pytest.fixture
def canaries() -> Iterator[Canaries]:
    with (
        listening(port=free_port()) as first,
        listening(host="127.0.0.2", port=first.port) as second,
        listening(host="::1", port=first.port) as third,
    ):
        yield Canaries(first.port, [first, second, third])


@pytest.fixture
def names(settings: Settings) -> Iterator[StubDns]:
    with stub_dns() as server:
        for name, address in NAMES.items():
            server.answer(name, "AAAA" if ":" in address else "A", [address])
        settings.DNS_RESOLVERS = (server.resolver,)
        yield server


def _reached(sink: Sink, hosts: list[str], port: int) -> list[str]:
    """The hosts that the sink did not refuse."""
    reached = []
    for host in hosts:
        try:
            sink(host, port)
        except ExpectedError as refusal:
            if refusal.code == "egress_refused" or refusal.code.startswith(("host_", "url_", "email_url_")):
                continue
            # A host name that is one, but that nobody answers for, is no way in either.
            if refusal.code == "dns_nxdomain":
                continue
        reached.append(host)
    return reached


def test_there_are_at_least_120_vectors() -> None:
    assert len(set(SPELLINGS) | set(NAMES.values())) >= 120


@pytest.mark.parametrize("sink", SINKS)
def test_no_answer_of_the_dns_leads_to_a_special_address(sink: str, names: StubDns, canaries: Canaries) -> None:
    assert _reached(SINKS[sink], list(NAMES), canaries.port) == []
    assert canaries.connections() == 0
    assert len(names.questions) == 2 * len(NAMES)


@pytest.mark.parametrize("sink", SINKS)
def test_no_spelling_of_an_address_is_a_way_in(sink: str, names: StubDns, canaries: Canaries) -> None:
    literals = [f"[{address}]" if ":" in address else address for address in NAMES.values()]
    assert _reached(SINKS[sink], [*SPELLINGS, *literals], canaries.port) == []
    assert canaries.connections() == 0


@pytest.mark.parametrize("name", ["open_socket", "open_socket_async", "http", "https", "acme", "smtp", "smtp_implicit"])
def test_the_canaries_sing_when_the_network_is_opened(
    name: str, names: StubDns, canaries: Canaries, settings: Settings
) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    loopback = next(host for host, address in NAMES.items() if address == "127.0.0.1")
    _reached(SINKS[name], [loopback], canaries.port)
    assert canaries.connections() == 1


@pytest.mark.parametrize("address", [address for address in NAMES.values() if address != "127.0.0.2"])
def test_a_redirect_does_not_lead_where_a_request_may_not(
    address: str, names: StubDns, canaries: Canaries, settings: Settings
) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.2/32"),)
    literal = f"[{address}]" if ":" in address else address
    answer = f"HTTP/1.1 302 Found\r\nLocation: http://{literal}/\r\nContent-Length: 0\r\n\r\n".encode()
    names.answer("start.acme-widgets.com", "A", ["127.0.0.2"])
    with listening(http_script(answer), host="127.0.0.2") as start:
        url = f"http://start.acme-widgets.com:{start.port}/"
        with pytest.raises(ExpectedError) as refusal:
            egress.http("GET", url, deadline=Deadline(2), redirects=3)
        assert refusal.value.code == "egress_refused"
        assert start.connections == 1
    assert canaries.connections() == 0
