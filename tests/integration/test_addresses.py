"""Every address of a name, looked at by the real job: which one serves what, and which none."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import Client
from pytest_django import Settings

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock, jobs, x509
from domains.add import add_domain
from domains.addresses.checking import AT_MOST, ask_for_addresses, in_order, result_of
from domains.addresses.shown import AddressesShown, addresses_shown
from domains.models import AddressCheck, Domain
from domains.tls import Observation, Target
from tests.cast import Cast, make_cast
from tests.servers.ca import Issued, TestCa
from tests.servers.listener import Listener, listening
from tests.servers.stub_dns import StubDns, stub_dns
from tests.servers.tls import server_context

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOST = "www.forge.org"


@pytest.fixture
def names(settings: Settings) -> Iterator[StubDns]:
    with stub_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        yield server


class Street:
    """Servers on addresses of this machine, all on one port."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.authority = TestCa()
        self.port = 0

    def serve(self, address: str, issued: Issued) -> Listener:
        ders = [one.public_bytes(Encoding.DER) for one in (issued.certificate, *issued.chain)]
        context = server_context(ders, issued.key_pem)

        def script(connection: Any) -> None:
            connection.settimeout(10)
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

        server = self.stack.enter_context(listening(script, address, self.port))
        self.port = server.port
        return server


@pytest.fixture
def street(names: StubDns, settings: Settings, tmp_path: Path) -> Iterator[Street]:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/16"),)
    with ExitStack() as stack:
        street = Street(stack)
        (tmp_path / "roots.pem").write_bytes(street.authority.root_pem)
        settings.TLS_EXTRA_CA_BUNDLE = str(tmp_path / "roots.pem")
        yield street


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def look(cast: Cast, street: Street) -> AddressesShown:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST, port=street.port)
    ask_for_addresses(domain=domain, actor=SYSTEM)
    assert jobs.run_due("addresses") == 1
    return addresses_shown(AddressCheck.unscoped.get(domain=domain))


def test_addresses_that_agree_are_said_to_agree(names: StubDns, street: Street, cast: Cast) -> None:
    issued = street.authority.issue([HOST])
    for address in ("127.0.0.1", "127.0.0.2"):
        street.serve(address, issued)
    names.answer(HOST, "A", ["127.0.0.2", "127.0.0.1"])
    shown = look(cast, street)
    assert [(one.address, one.mark, one.is_trusted) for one in shown.rows] == [
        ("127.0.0.1", "A", True),
        ("127.0.0.2", "A", True),
    ]
    assert (shown.is_agreed, shown.summary) == (True, "All 2 addresses serve the same certificate.")
    assert shown.rows[0].tls_version == "TLS 1.3"
    assert shown.rows[0].not_after == issued.certificate.not_valid_after_utc
    assert Event.unscoped.filter(kind="domain.addresses_asked").count() == 1


def test_each_address_is_told_by_itself_when_they_differ(names: StubDns, street: Street, cast: Cast) -> None:
    street.serve("127.0.0.1", street.authority.issue([HOST]))
    street.serve("127.0.0.2", street.authority.issue([HOST], days=10, age_days=12))
    outside = street.serve("127.1.0.9", street.authority.issue([HOST]))
    names.answer(HOST, "A", ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.1.0.9"])
    shown = look(cast, street)
    first, expired, silent, refused = shown.rows
    assert (first.mark, expired.mark, silent.mark) == ("A", "B", "")
    assert [problem.code for problem in expired.problems] == ["expired"]
    assert silent.trouble is not None
    assert silent.trouble.code == "connect_refused"
    assert refused.trouble is not None
    assert refused.trouble.code == "egress_refused"
    assert outside.connections == 0, "an address that may not be visited is shown, and not visited"
    assert not shown.is_agreed
    assert shown.summary.startswith(
        "The addresses differ: 1 serves certificate A, 1 serves certificate B, 2 served none"
    )


def test_no_more_than_sixteen_addresses_are_looked_at(names: StubDns, street: Street, cast: Cast) -> None:
    many = [f"127.0.1.{number}" for number in range(1, 21)]
    servers = [street.serve(address, street.authority.issue([HOST])) for address in many[:2]]
    names.answer(HOST, "A", many)
    shown = look(cast, street)
    assert (len(shown.rows), shown.left_out) == (AT_MOST, 4)
    assert [one.address for one in shown.rows] == many[:AT_MOST]
    assert [server.connections for server in servers] == [1, 1]


def test_a_name_without_addresses_says_why(names: StubDns, street: Street, cast: Cast) -> None:
    street.port = 8443
    shown = look(cast, street)
    assert shown.trouble is not None
    assert shown.trouble.code == "dns_nxdomain"
    assert shown.rows == []


def test_the_page_shows_the_grid_and_its_progress(names: StubDns, street: Street, cast: Cast) -> None:
    street.serve("127.0.0.1", street.authority.issue([HOST]))
    street.serve("127.0.0.2", street.authority.issue(["other.forge.org"]))
    names.answer(HOST, "A", ["127.0.0.1", "127.0.0.2"])
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST, port=street.port)
    jobs.run_due("visit")
    jobs.run_due("hosting")
    client = Client()
    client.force_login(cast.admin)
    overview = f"/w/{cast.acme.pk}/domains/{domain.pk}/"
    assert "Check every address" in client.get(overview).content.decode()
    answer = client.post(f"{overview}addresses/")
    assert answer.headers["Location"] == f"{overview}#addresses"
    waiting = client.get(overview).content.decode()
    assert "Looking the name up" in waiting
    assert "every 2s" in waiting
    jobs.run_due("addresses")
    done = client.get(overview).content.decode()
    assert "every 2s" not in done
    assert "Not the same everywhere" in done
    assert "The certificate is for other names" in done


def test_the_api_answers_with_the_grid(names: StubDns, street: Street, cast: Cast, settings: Settings) -> None:
    settings.ANSWER_WITHIN_SECONDS = 0.01
    street.serve("127.0.0.1", street.authority.issue([HOST]))
    names.answer(HOST, "A", ["127.0.0.1", "127.0.0.2"])
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST, port=street.port)
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    url = f"/api/domains/{domain.pk}/addresses"
    assert Client().get(url, headers=headers).json()["checked_at"] is None
    accepted = Client().post(url, content_type="application/json", headers=headers)
    assert (accepted.status_code, accepted.json()["url"]) == (202, url)
    jobs.run_due("addresses")
    shown = Client().get(url, headers=headers).json()
    assert shown["differ"]
    assert [one["reachable"] for one in shown["addresses"]] == [True, False]
    assert shown["addresses"][1]["error"]["code"] == "connect_refused"
    assert shown["addresses"][0]["trusted"]


def test_asking_during_a_look_is_answered_by_another(names: StubDns, street: Street, cast: Cast) -> None:
    street.serve("127.0.0.1", street.authority.issue([HOST]))
    names.answer(HOST, "A", ["127.0.0.1"])
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST, port=street.port)
    row = ask_for_addresses(domain=domain)
    (held,) = jobs.claim(jobs.kinds.get("addresses"))
    # While the look is under way, which begins when its work does.
    AddressCheck.unscoped.filter(pk=row.pk).update(asked_at=clock.now() + timedelta(seconds=5))
    jobs.kinds.get("addresses").work([held])
    again = AddressCheck.unscoped.get(pk=row.pk)
    assert again.is_under_way
    assert jobs.due(jobs.kinds.get("addresses")).count() == 1


def test_a_domain_deleted_meanwhile_takes_nobody_down(names: StubDns, street: Street, cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST, port=8443)
    ask_for_addresses(domain=domain)
    (held,) = jobs.claim(jobs.kinds.get("addresses"))
    Domain.unscoped.filter(pk=domain.pk).delete()
    jobs.kinds.get("addresses").work([held])
    assert not AddressCheck.unscoped.exists()


def test_an_address_that_had_enough_of_us_is_called_neither_silent_nor_different() -> None:
    target = Target(HOST, http=False, plain_port=None, address="203.0.113.9")
    busy = result_of(Observation(target, put_off=40.0), HOST, clock.now(), x509.roots_of([]))
    good = {**busy, "address": "203.0.113.8", "code": "", "fingerprint_sha256": "a" * 64, "issuer": "R12"}
    good |= {"not_before": None, "not_after": None, "trusted": True, "problems": []}
    shown = addresses_shown(AddressCheck(checked_at=clock.now(), results=[good, busy]))
    assert shown.is_agreed
    assert shown.summary == "Those that were asked, 1 of 2, serve the same certificate."
    assert shown.rows[1].is_busy
    assert shown.rows[1].trouble is not None
    assert shown.rows[1].trouble.code == "address_busy"
    assert addresses_shown(AddressCheck(checked_at=clock.now(), results=[busy])).summary == ""


def test_addresses_stand_in_one_order_whatever_the_dns_does() -> None:
    assert in_order(["2001:db8::2", "192.0.2.10", "2001:db8::1", "192.0.2.9"]) == [
        *("192.0.2.9", "192.0.2.10"),
        *("2001:db8::1", "2001:db8::2"),
    ]
