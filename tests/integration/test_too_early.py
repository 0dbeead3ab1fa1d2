"""`Issue certificate` by the API with a worker at hand: what is not published is the answer, and nothing is lost."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from certificates.models import Issuance
from config.lib import jobs
from tests.cast import Cast, make_cast
from tests.integration.issuing import publish, reread, start, use_ca, verified_domain
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def issuance(settings: Any, cast: Cast, pebble_server: Pebble, dns_server: ChallengeDns) -> Issuance:
    """It waits for the records of two names."""
    use_ca(settings, pebble_server, dns_server)
    settings.ANSWER_WITHIN_SECONDS = 30
    return start(verified_domain(cast.acme, "early.net", dns_server), ["early.net", "www.early.net"])


@pytest.fixture
def worker(issuance: Issuance) -> Iterator[None]:
    is_over = threading.Event()

    def work() -> None:
        try:
            while not is_over.wait(0.05):
                jobs.run_due("issuance")
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    is_over.set()
    thread.join()


def test_it_answers_what_is_missing_and_goes_on_later(
    cast: Cast, issuance: Issuance, worker: None, dns_server: ChallengeDns
) -> None:
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin, 'write')}"})
    path = f"/api/issuances/{issuance.pk}/issue"
    first, second = issuance.authorizations.all()
    dns_server.set_txt(first.txt_name, first.txt_value)
    answer = client.post(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "dns_txt_not_found")
    assert answer.json()["title"] == "DNS TXT not found yet for _acme-challenge.www.early.net"
    assert f"{second.txt_name} has no TXT record." in answer.json()["detail"]
    waiting = reread(issuance)
    assert (waiting.state, waiting.step) == (Issuance.State.PENDING_CHALLENGE, Issuance.Step.WAIT_FOR_RECORDS)
    publish(issuance, dns_server)
    answer = client.post(path)
    assert (answer.status_code, answer.json()["state"]) == (200, "issued")
    assert reread(issuance).order_url == issuance.order_url
