"""Politeness from the due row to the server's door: real connections, the test's clock, no waiting."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from ssl import SSLContext
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Workspace
from auditlog.events import SYSTEM
from config.lib import clock, jobs
from domains.add import add_domain
from domains.models import Domain, Visit
from domains.tls import Observation, Politeness, Target, visit_many
from domains.tls.politeness import A_MINUTE, BURST
from domains.visit import observe, settle, visit_due
from tests.cast import Cast, make_cast
from tests.servers.ca import TestCa
from tests.servers.dns import ChallengeDns
from tests.servers.tls import PAGE, listener, server_context

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOST = "www.forge.org"
NOON = datetime.fromisoformat("2026-11-26T12:00:00+00:00")


def strict(**others: Any) -> Politeness:
    """As shipped, but loopback counts too."""
    return Politeness(is_exempt=nobody, **others)


def nobody(address: str) -> bool:
    return False


def closes(connection: object) -> None:
    """A server that says nothing and is gone."""


@dataclass
class Door:
    """A TLS server that counts who comes, how many at once, and at what time of the test's clock."""

    context: SSLContext
    port: int = 0
    came: list[datetime] = field(default_factory=list)
    inside: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, connection: Any) -> None:
        with self.lock:
            self.came.append(clock.now())
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            with self.context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(4096)
                # Before the answer: with it the client is gone, and the next one may be here.
                with self.lock:
                    self.inside -= 1
                secured.sendall(PAGE)
        except OSError:
            return


@pytest.fixture
def door(dns_server: ChallengeDns, settings: Settings) -> Iterator[Door]:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    settings.DNS_RESOLVERS = ((dns_server.host, dns_server.port),)
    issued = TestCa().issue([HOST])
    ders = [one.public_bytes(Encoding.DER) for one in (issued.certificate, *issued.chain)]
    made = Door(server_context(ders, issued.key_pem))
    with ExitStack() as stack:
        made.port = stack.enter_context(listener(made.serve))
        yield made


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def add_everywhere(door: Door, count: int) -> None:
    for number in range(count):
        workspace = Workspace.objects.create(name=f"Tenant {number}")
        add_domain(workspace=workspace, actor=SYSTEM, hostname=HOST, port=door.port)


def round_of_visits(polite: Politeness) -> int:
    """Claim and visit what is due, as the worker does; how many rows were claimed."""
    claimed = jobs.claim(jobs.kinds.get("visit"))
    rows = list(Visit.unscoped.filter(pk__in=[row.pk for row in claimed]).select_related("domain__workspace"))
    if rows:
        settle(rows, observe(rows, politeness=polite), clock.now())
    return len(rows)


def test_a_hundred_workspaces_that_add_one_host_do_not_press_it(door: Door) -> None:
    """And each of them is answered within the minute."""
    polite = strict(burst=10)
    with clock.frozen(NOON):
        add_everywhere(door, 100)
    for second in range(60):
        with clock.frozen(NOON + timedelta(seconds=second)):
            round_of_visits(polite)
    assert len(door.came) <= 10 + A_MINUTE
    assert len(door.came) < 50, "most of them took over what others had just seen"
    visits = Visit.unscoped.values_list("error_code", "failures", "chain_sha256", "visited_at")
    assert {(code, failures, bool(chain), visited is not None) for code, failures, chain, visited in visits} == {
        ("", 0, True, True)
    }


def test_what_the_operator_opened_is_visited_as_often_as_asked(door: Door) -> None:
    with clock.frozen(NOON):
        add_everywhere(door, BURST + 20)
        visit_due(jobs.claim(jobs.kinds.get("visit")))
    assert len(door.came) == BURST + 20
    assert not Visit.unscoped.filter(visited_at=None).exists()


def test_names_behind_one_address_are_visited_four_at_once_and_then_in_turn(door: Door) -> None:
    targets = [Target(f"h{number}.forge.org", door.port, plain_port=None) for number in range(20)]
    polite = strict(burst=15)
    with clock.frozen(NOON):
        first = visit_many(targets, politeness=polite)
    assert len(door.came) == 15
    assert door.most <= 4
    waiting = [seen for seen in first if seen.put_off is not None]
    assert len(waiting) == 5
    assert all(not seen.ders and not seen.outcome for seen in waiting)
    with clock.frozen(NOON + timedelta(seconds=10)):
        again = visit_many([seen.target for seen in waiting], politeness=polite)
    assert [bool(seen.ders) for seen in again] == [True] * 5
    assert len(door.came) == 20


def test_a_visit_that_is_put_off_has_not_failed_and_keeps_who_asked(door: Door, cast: Cast) -> None:
    polite = strict(burst=1)
    with clock.frozen(NOON):
        add_domain(workspace=cast.acme, actor=SYSTEM, hostname="other.forge.org", port=door.port)
        round_of_visits(polite)
        domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST, port=door.port)
        assert round_of_visits(polite) == 1
        visit = Visit.unscoped.get(domain=domain)
        assert (visit.failures, visit.error_code, visit.claims, visit.lease_token) == (0, "", 0, None)
        assert (visit.visited_at, visit.priority) == (None, jobs.INTERACTIVE)
        assert visit.is_under_way
        assert visit.put_off_until == visit.run_after
        assert visit.run_after is not None
        assert timedelta(0) < visit.run_after - NOON < timedelta(seconds=3)
        page = overview(cast, domain)
        assert "Waiting for its turn" in page
        assert visit.run_after.isoformat(timespec="seconds") in page
        assert "Waiting for its turn" in overview(cast, domain, "domain-review")
        assert round_of_visits(polite) == 0
    with clock.frozen(NOON + timedelta(seconds=5)):
        assert round_of_visits(polite) == 1
        assert not Visit.unscoped.get(domain=domain).is_under_way
        assert "Waiting for its turn" not in overview(cast, domain)


def overview(cast: Cast, domain: Domain, name: str = "domain-overview") -> str:
    client = Client()
    client.force_login(cast.member)
    return client.get(reverse(f"domains:{name}", args=[cast.acme.pk, domain.pk])).content.decode()


def test_a_failure_is_never_confirmed_by_itself(door: Door) -> None:
    """The second try comes a minute later; what is as old as that is not taken over."""
    polite = strict(burst=1)
    with listener(closes) as closing:
        failing, other = Target(HOST, closing, http=False), Target(HOST, door.port, http=False)
        with clock.frozen(NOON):
            (first,) = visit_many([failing], politeness=polite)
        with clock.frozen(NOON + timedelta(seconds=59)):
            _, taken_over = one_by_one(polite, other, failing)
        with clock.frozen(NOON + timedelta(seconds=60)):
            _, second = one_by_one(polite, other, failing)
    assert first.outcome == taken_over.outcome != ""
    assert taken_over.put_off is None
    assert (second.outcome, second.put_off is None) == ("", False)


def one_by_one(polite: Politeness, *targets: Target) -> list[Observation]:
    return [seen for target in targets for seen in visit_many([target], politeness=polite)]
