"""Refunds and disputes in any order: taken once, given back once, never more than was paid."""

import pytest

from auditlog.models import Event
from billing.ledger import account_of
from billing.messages import keep
from billing.models import Entry
from billing.wishes import add_funds
from tests.cast import Cast
from tests.servers.stripe_api import Stripe
from tests.unit.billing.paying import ANN, auto_on, balance, give, top_up, work, work_all

pytestmark = pytest.mark.django_db


def hear(there: Stripe) -> None:
    """All that happened so far, the newest first."""
    keep(reversed(there.events))
    work_all()


@pytest.mark.both_databases
def test_a_refund_is_debited_once_and_may_go_below_zero(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme, 2500)
    give(cast.acme, -2400)
    there.refund(row.payment_intent, 1000)
    for _ in range(3):
        hear(there)
    assert balance(cast.acme) == 2500 - 2400 - 1000
    assert Event.unscoped.filter(kind="billing.refunded").count() == 1


def test_refunds_are_never_more_than_was_paid(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme, 2500)
    for cents in (2000, 2000):
        there.refund(row.payment_intent, cents)
    there.dispute(row.payment_intent)
    hear(there)
    assert balance(cast.acme) == 0


def test_what_takes_nothing_leaves_no_entry_and_a_dispute_tells_what_it_took(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme, 2500)
    there.refund(row.payment_intent, 2000)
    hear(there)
    there.dispute(row.payment_intent)
    hear(there)
    there.refund(row.payment_intent, 100)
    hear(there)
    assert list(Entry.unscoped.order_by("at").values_list("amount_cents", flat=True)) == [2500, -2000, -500]
    assert Event.unscoped.get(kind="billing.disputed").data["amount"] == "$5.00"
    assert Event.unscoped.filter(kind="billing.refunded").count() == 1


def test_a_refund_that_failed_comes_back(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme, 2500)
    refund = there.refund(row.payment_intent, 1000, "pending")
    hear(there)
    assert balance(cast.acme) == 1500
    refund["status"] = "failed"
    there.happened("refund.failed", refund)
    for _ in range(2):
        hear(there)
    assert balance(cast.acme) == 2500


def test_a_refund_that_is_heard_of_before_its_payment_waits_for_it(cast: Cast, there: Stripe) -> None:
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session)
    there.refund(there.objects[row.session]["payment_intent"], 500)
    keep([there.events[-1]])
    work_all()
    work_all()
    assert balance(cast.acme) == 2000


def test_a_dispute_is_debited_and_stops_automatic_top_ups(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme, 2500)
    auto_on(cast.acme, threshold=2000)
    dispute = there.dispute(row.payment_intent)
    hear(there)
    assert balance(cast.acme) == 0
    assert account_of(cast.acme.pk).auto_code == "payment_disputed"
    assert len(there.paid()) == 1
    dispute["status"] = "won"
    there.happened("charge.dispute.closed", dispute)
    for _ in range(2):
        hear(there)
    assert balance(cast.acme) == 2500


def test_an_inquiry_takes_nothing(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme, 2500)
    there.dispute(row.payment_intent, "warning_needs_response")
    hear(there)
    assert balance(cast.acme) == 2500


def test_what_is_none_of_ours_is_left_alone(cast: Cast, there: Stripe) -> None:
    intent = there.made("pi", metadata={}, amount=900, status="succeeded", customer="cus_x")
    there.refund(intent["id"], 900)
    there.dispute(intent["id"])
    hear(there)
    assert not Entry.unscoped.exists()
