"""What Stripe said and no webhook brought: read from its own list, from where the last look ended."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from billing.messages import KINDS, find_lost, keep
from billing.models import Look, StripeEvent, TopUp
from billing.wishes import add_funds
from config.lib import clock
from config.lib.errors import Transient
from tests.cast import Cast
from tests.servers.stripe_api import Stripe
from tests.unit.billing.paying import ANN, balance, look_for_lost, top_up, work, work_all

pytestmark = pytest.mark.django_db


def test_four_weeks_without_a_look_lose_nothing(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme)
    there.refund(row.payment_intent, 700)
    there.events[-1]["created"] -= 28 * 86_400
    Look.objects.create(until=clock.now() - timedelta(days=28, hours=2))
    look_for_lost()
    work()
    assert balance(cast.acme) == 1800


def test_more_than_a_page_of_a_day_is_read_to_its_end(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme)
    there.refund(row.payment_intent, 700)
    for number in range(250):
        there.happened("payment_method.updated", {"id": f"pm_{number}"})
    look_for_lost()
    assert StripeEvent.objects.filter(kind="payment_method.updated").count() == 250
    work()
    assert balance(cast.acme) == 1800


def test_only_what_is_acted_on_is_asked_for(cast: Cast, there: Stripe) -> None:
    there.happened("invoice.paid", {"id": "in_1"})
    look_for_lost()
    assert not StripeEvent.objects.exists()
    assert "charge.dispute.created" in KINDS


def test_the_mark_moves_after_a_whole_look_only(cast: Cast, there: Stripe, settings: Settings) -> None:
    look_for_lost()
    before = Look.objects.get().until
    assert clock.now() - before < timedelta(minutes=1)
    there.fails = [500]
    with pytest.raises(Transient, match="stripe_away"):
        find_lost()
    settings.STRIPE_SECRET_KEY = ""
    assert find_lost() is False
    assert Look.objects.get().until == before


def test_a_refund_that_was_given_up_is_taken_back_once_its_payment_is_credited(cast: Cast, there: Stripe) -> None:
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session)
    intent = there.objects[row.session]["payment_intent"]
    there.refund(intent, 500)
    keep([there.events[-1]])
    StripeEvent.objects.update(happened_at=clock.now() - timedelta(days=4))
    paid, there.objects[row.session]["payment_status"] = there.objects[row.session]["payment_status"], "unpaid"
    work_all()
    assert (StripeEvent.objects.get().error_code, StripeEvent.objects.get().run_after) == ("payment_unknown", None)
    there.objects[row.session]["payment_status"] = paid
    TopUp.unscoped.update(run_after=clock.now())
    work()
    assert balance(cast.acme) == 2000
