"""kill -9 at each step of a top-up: exactly one charge, one credit."""

import os
import re
import signal

import pytest
from django.db import connections

from billing.ledger import account_of
from billing.models import Entry, TopUp
from billing.wishes import add_funds
from config.lib import jobs
from tests.cast import Cast
from tests.servers.places import ROOT
from tests.servers.stripe_api import Stripe
from tests.unit.billing.conftest import billing_on, cast, there
from tests.unit.billing.paying import ANN, auto_on, balance, give, top_up, work, work_all

__all__ = ["billing_on", "cast", "there"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases, pytest.mark.once]

_SOURCE = (ROOT / "billing/topups.py").read_text()
PLACES = [place for place in re.findall(r'crash_here\("(billing\.\w+)"\)', _SOURCE) if place != "billing.declined"]
BY_HAND = [
    place for place in PLACES if place not in ("billing.charge_noted", "billing.charged", "billing.intent_stored")
]
BY_ITSELF = [*("billing.charge_noted", "billing.charged", "billing.intent_stored", "billing.credited")]


def work_and_die(place: str) -> int:
    """A worker in a fork that dies there; its wait status' signal, 0 when it lived."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        os.environ["MMC_CRASH_AT"] = place
        os.environ.pop("MMC_CRASH_DIR", None)
        jobs.run_due("top_up")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


@pytest.mark.parametrize("place", BY_HAND)
def test_a_payment_by_hand(cast: Cast, there: Stripe, place: str) -> None:
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    killed = work_and_die(place)
    work_all()
    row.refresh_from_db()
    there.pay(row.session)
    TopUp.unscoped.update(run_after=row.created_at)
    killed = killed or work_and_die(place)
    assert killed == signal.SIGKILL
    work_all()
    work_all()
    assert balance(cast.acme) == 2500
    assert (len(there.paid()), Entry.unscoped.count()) == (1, 1)
    assert len(there.of("cus")) == 1
    assert len(there.of("cs")) == 1


@pytest.mark.parametrize("place", BY_ITSELF)
def test_an_automatic_payment(cast: Cast, there: Stripe, place: str) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    give(cast.acme, -1)
    assert work_and_die(place) == signal.SIGKILL
    work_all()
    work()
    assert balance(cast.acme) == 499 + 2000
    assert len(there.paid()) == 2
    assert account_of(cast.acme.pk).declines == 0
