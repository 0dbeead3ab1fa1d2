"""Money that goes back: in any order of messages no more than was paid, and never charged again by itself."""

from collections.abc import Sequence

import pytest

from billing.auto import DISPUTED, GIVEN_BACK, retry_waiting
from billing.ledger import account_of, post
from billing.messages import keep
from billing.models import EntryKind, TopUp
from billing.wishes import change_auto, save_another_card
from tests.cast import Cast
from tests.servers.stripe_api import Stripe
from tests.unit.billing.paying import ANN, auto_on, balance, give, top_up, work, work_all

pytestmark = pytest.mark.django_db


def hear(there: Stripe) -> None:
    keep(reversed(there.events))
    work_all()


# Each word is something that happens, `hear` is when the portal hears of all of it. Disputes: a and b.
ORDERS = [
    (("refund", "hear", "a", "hear", "win a", "hear"), 1800),
    (("a", "hear", "refund", "hear", "win a", "hear"), 1800),
    (("a", "refund", "win a", "hear"), 1800),
    (("a", "hear", "b", "hear", "win a", "hear"), 0),
    (("a", "b", "hear", "win b", "hear"), 0),
    (("a", "hear", "win a", "hear", "a is told again", "hear"), 2500),
    (("refund", "hear", "refund fails", "hear", "a", "hear"), 0),
]


@pytest.mark.parametrize(("order", "left"), ORDERS)
def test_no_order_takes_or_returns_more_than_was_paid(
    cast: Cast, there: Stripe, order: Sequence[str], left: int
) -> None:
    intent = top_up(there, cast.acme, 2500).payment_intent
    made = {}
    for word in order:
        if word == "hear":
            hear(there)
        elif word == "refund":
            made[word] = there.refund(intent, 700)
        elif word in ("a", "b"):
            made[word] = there.dispute(intent)
        elif word == "refund fails":
            made["refund"]["status"] = "failed"
            there.happened("refund.failed", made["refund"])
        elif word.startswith("win"):
            made[word[-1]]["status"] = "won"
            there.happened("charge.dispute.closed", made[word[-1]])
        else:
            there.happened("charge.dispute.created", made["a"])
    assert balance(cast.acme) == left


def test_what_was_refunded_is_not_charged_again_until_somebody_says_so(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme, 2500)
    auto_on(cast.acme)
    there.refund(row.payment_intent, 2500)
    hear(there)
    retry_waiting()
    work()
    assert (account_of(cast.acme.pk).auto_code, len(there.paid())) == (GIVEN_BACK, 1)
    change_auto(workspace=cast.acme, is_on=True, threshold_cents=500, amount_cents=2000, actor=ANN)
    work()
    assert balance(cast.acme) == 2000


def test_a_small_refund_stops_nothing(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme, 2500)
    auto_on(cast.acme)
    there.refund(row.payment_intent, 100)
    hear(there)
    assert account_of(cast.acme.pk).auto_code == ""
    give(cast.acme, -2000)
    work()
    assert balance(cast.acme) == 2500 - 100 - 2000 + 2000


def test_what_staff_pay_back_is_not_charged_again(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 2500)
    auto_on(cast.acme)
    post(cast.acme.pk, kind=EntryKind.ADJUSTMENT, cents=-2500, external_id="wire", about="Paid back by wire")
    work()
    assert (account_of(cast.acme.pk).auto_code, len(there.paid())) == (GIVEN_BACK, 1)


@pytest.mark.parametrize("way", ["save", "card"])
def test_a_disputed_card_is_not_charged_by_saving_the_form_or_another_card(cast: Cast, there: Stripe, way: str) -> None:
    row = top_up(there, cast.acme, 2500)
    auto_on(cast.acme)
    there.dispute(row.payment_intent)
    hear(there)
    if way == "save":
        change_auto(workspace=cast.acme, is_on=True, threshold_cents=500, amount_cents=2000, actor=ANN)
    else:
        card = save_another_card(workspace=cast.acme, actor=ANN)
        work()
        card.refresh_from_db()
        there.pay(card.session)
        work_all()
    retry_waiting()
    work()
    assert (account_of(cast.acme.pk).auto_code, len(there.paid())) == (DISPUTED, 1)


def test_winning_the_dispute_sets_automatic_top_ups_going_again(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme, 2500)
    auto_on(cast.acme)
    dispute = there.dispute(row.payment_intent)
    hear(there)
    dispute["status"] = "won"
    there.happened("charge.dispute.closed", dispute)
    hear(there)
    assert account_of(cast.acme.pk).auto_code == ""
    assert not TopUp.unscoped.filter(mode="auto").exists(), "the balance is back, so nothing is charged"
