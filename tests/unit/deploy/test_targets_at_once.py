"""Targets that are added while others are, or while a run of the domain ends."""

import threading
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from deploy.models import Server, Target
from deploy.targets import lock_targets
from domains.models import Domain
from tests.cast import Cast
from tests.unit.deploy.test_api import Api
from tests.unit.deploy.test_runs import make_server
from tests.unit.deploy.test_settling import A_WHILE, beside

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

AT_ONCE = 8


@pytest.fixture
def server(domain: Domain) -> Server:
    return make_server(domain, "web-01")


def draft_on(server: Server) -> dict[str, Any]:
    return {"server": str(server.pk), "certificate_directories": ["/srv/tls"], "draft": True}


def positions(domain: Domain) -> list[int]:
    return sorted(Target.unscoped.filter(domain=domain).values_list("position", flat=True))


@pytest.mark.parametrize("is_one_server", [True, False])
def test_targets_that_are_added_at_once_get_positions_of_their_own(
    cast: Cast, domain: Domain, *, is_one_server: bool
) -> None:
    """The servers are as new as the targets: there is no row of theirs yet at which the requests would queue."""
    apis = [Api(Client(), cast) for _ in range(AT_ONCE)]
    start = threading.Barrier(AT_ONCE)
    statuses: list[int] = []

    def post() -> None:
        api = apis.pop()
        name = "web" if is_one_server else f"web-{len(apis)}"
        body = {"host": f"{name}.example.net", "username": "mmc", "draft": True}
        start.wait()
        statuses.append(api("POST", f"/domains/{domain.pk}/targets", body)[0])

    for thread in [beside(post) for _ in range(AT_ONCE)]:
        thread.join()
    assert statuses == [201] * AT_ONCE
    assert positions(domain) == list(range(1, AT_ONCE + 1))


def test_who_adds_a_target_waits_for_the_domain_without_holding_the_server(
    cast: Cast, domain: Domain, server: Server
) -> None:
    """The end of a run locks the domain and then the server: whoever does it the other way round never meets it."""
    api = Api(Client(), cast)
    statuses: list[int] = []
    with transaction.atomic():
        lock_targets(domain)
        other = beside(lambda: statuses.append(api("POST", f"/domains/{domain.pk}/targets", draft_on(server))[0]))
        other.join(A_WHILE)  # It gets as far as it can while this transaction lasts.
        assert Server.unscoped.select_for_update(no_key=True).get(pk=server.pk)
    other.join()
    assert statuses == [201]
    assert positions(domain) == [1]
