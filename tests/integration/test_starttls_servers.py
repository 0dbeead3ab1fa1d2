"""Real servers that are asked for TLS: what each serves is seen, and one that lacks it says so. In `make test`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from config.lib import egress
from config.lib.clock import now
from config.lib.x509 import roots_of, verdict
from domains.protocols import PROTOCOLS, opener_of
from domains.tls import NotOpened, Observation, Target, fetch_chain, visit_many
from tests.servers.ca import Issued, TestCa
from tests.servers.postgres import postgres
from tests.servers.smtp_sink import smtp_sink
from tests.servers.starttls import Running, dovecot, mariadb, prosody, slapd, vsftpd

HOST = "localhost"
authority = TestCa("Starttls")
certificate = authority.issue([HOST])
roots = roots_of([authority.root_der])

# Which protocols each speaks; together all that ask for TLS.
type Start = Callable[[Issued, bool], AbstractContextManager[Running]]


@contextmanager
def _smtp(issued: Issued, tls: bool) -> Iterator[Running]:
    with smtp_sink("starttls" if tls else "none", issued) as sink:
        yield Running({"smtp": sink.port})


@contextmanager
def _postgres(issued: Issued, tls: bool) -> Iterator[Running]:
    with postgres(issued if tls else None) as server:
        yield Running({"postgres": server.port})


SERVERS: dict[str, Start] = {
    "aiosmtpd": _smtp,
    "dovecot": lambda issued, tls: dovecot(issued, tls=tls),
    "vsftpd": lambda issued, tls: vsftpd(issued, tls=tls),
    "slapd": lambda issued, tls: slapd(issued, tls=tls),
    "prosody": lambda issued, tls: prosody(issued, HOST, tls=tls),
    "postgresql": _postgres,
    "mariadb": lambda issued, tls: mariadb(issued, tls=tls),
}


@pytest.fixture(autouse=True)
def _loopback_is_open(settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)


def _visit(running: Running) -> dict[str, Observation]:
    targets = {
        name: Target(HOST, port, http=False, address="127.0.0.1", opener=opener_of(name))
        for name, port in running.ports.items()
    }
    return dict(zip(targets, visit_many(list(targets.values()), us="portal.example.net"), strict=True))


@pytest.mark.parametrize("title", SERVERS)
def test_a_real_server_is_led_to_tls_and_shows_its_certificate(title: str) -> None:
    with SERVERS[title](certificate, True) as running:
        seen = _visit(running)
        fetched = {
            name: fetch_chain("127.0.0.1", port, HOST, egress.Deadline(5), opener=opener_of(name), us="127.0.0.1").ders
            for name, port in running.ports.items()
        }
    for name, one in seen.items():
        assert (one.outcome, one.ders, one.tls_version) == ("", certificate.fullchain_ders, "TLS 1.3"), name
        assert verdict(one.ders, HOST, now(), roots).codes == ()
        assert fetched[name] == one.ders


@pytest.mark.parametrize("title", SERVERS)
def test_a_real_server_without_tls_says_that_it_offers_none(title: str) -> None:
    with SERVERS[title](certificate, False) as running:
        seen = _visit(running)
        for name, port in running.ports.items():
            with pytest.raises(NotOpened) as caught:
                fetch_chain("127.0.0.1", port, HOST, egress.Deadline(5), opener=opener_of(name))
            assert caught.value.code == "starttls_not_offered"
    expected = {
        name: ("starttls_not_offered", {"host": HOST, "protocol": PROTOCOLS[name].label}) for name in running.ports
    }
    assert {name: (one.outcome, one.params) for name, one in seen.items()} == expected
