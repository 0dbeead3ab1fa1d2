"""Money coming in: credited once whatever is heard, in whatever order, and never on a message's word."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from auditlog.models import Event
from billing.ledger import account_of
from billing.models import Depth, OldCard, StripeEvent, TopUp
from billing.wishes import abandon, add_funds, change_auto, look_again, save_another_card
from config.lib import clock
from config.lib.errors import NeedsUser
from notifications.reactions import ALWAYS_MAILED
from tests.cast import Cast
from tests.servers.stripe_api import ASKS, BROKE, LOST, Stripe
from tests.unit.billing.paying import (
    ANN,
    auto_on,
    balance,
    give,
    look_for_lost,
    post_event,
    top_up,
    use_card,
    work,
    work_all,
)

pytestmark = pytest.mark.django_db


@pytest.mark.both_databases
def test_a_payment_by_hand_saves_the_card_and_is_credited(cast: Cast, there: Stripe) -> None:
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    assert row.state == "open"
    assert row.url.startswith("https://checkout.stripe.com/")
    there.pay(row.session)
    assert balance(cast.acme) == 0, "not before Stripe was asked"
    work_all()
    account = account_of(cast.acme.pk)
    assert balance(cast.acme) == 2500
    assert (account.card_brand, account.card_last4, account.card_expires) == ("visa", "4242", "12/2030")
    assert account.topped_up_at
    row.refresh_from_db()
    assert (row.state, row.receipt_url[:8], row.invoice_url[:8]) == ("succeeded", "https://", "https://")
    assert Event.unscoped.get(kind="billing.topped_up").data["balance"] == "$25.00"


def test_lost_messages_are_found_by_asking(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme)
    there.refund(row.payment_intent, 1000)
    look_for_lost()
    work_all()
    assert balance(cast.acme) == 1500
    before = StripeEvent.objects.count()
    look_for_lost()
    assert StripeEvent.objects.count() == before


def test_an_open_page_is_given_up_when_it_has_expired(cast: Cast, there: Stripe) -> None:
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    there.objects[row.session]["status"] = "expired"
    work_all()
    row.refresh_from_db()
    assert (row.state, bool(row.ended_at)) == ("expired", True)


def test_silence_while_a_page_is_asked_for_makes_one_page(
    cast: Cast, there: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.stripe_api.SECONDS", 1.0)
    add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    there.is_silent = True
    work()
    work_all()
    work_all()
    assert len(there.of("cus")) == len(there.of("cs")) == 1


@pytest.mark.both_databases
def test_a_balance_at_the_threshold_is_topped_up_from_the_card(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme, threshold=500, amount=2000)
    give(cast.acme, -10)
    work()
    assert balance(cast.acme) == 490 + 2000
    assert len(there.paid()) == 2
    assert Event.unscoped.get(kind="billing.auto_topped_up").data["amount"] == "$20.00"


def test_a_hundred_crossings_are_one_charge(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme, threshold=10_000, amount=500)
    for _ in range(100):
        give(cast.acme, -1)
    assert TopUp.unscoped.filter(mode="auto").count() == 1


def test_no_more_than_three_in_a_day(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme, threshold=100_000, amount=500)
    for _ in range(6):
        give(cast.acme, -1)
        work()
    assert TopUp.unscoped.filter(mode="auto").count() == 3


def test_nobody_s_card_is_charged_who_has_not_paid_by_hand(cast: Cast, there: Stripe) -> None:
    with pytest.raises(NeedsUser, match="auto_needs_top_up"):
        change_auto(workspace=cast.acme, is_on=True, threshold_cents=500, amount_cents=500, actor=ANN)
    auto_on(cast.acme)
    give(cast.acme, 1)
    assert not TopUp.unscoped.exists()


def test_turning_it_on_while_low_tops_up_at_once(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    change_auto(workspace=cast.acme, is_on=True, threshold_cents=500, amount_cents=2000, actor=ANN)
    work()
    assert balance(cast.acme) == 2500


def test_a_soft_refusal_is_tried_once_more_a_day_later_and_then_no_more(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    use_card(there, cast.acme, BROKE)
    give(cast.acme, -1)
    work_all()
    account = account_of(cast.acme.pk)
    assert (account.declines, account.auto_code) == (1, "")
    give(cast.acme, -1)
    work_all()
    assert TopUp.unscoped.filter(mode="auto").count() == 1, "not on the same day"
    with clock.frozen(clock.now() + timedelta(days=1, minutes=1)):
        give(cast.acme, -1)
        work_all()
        account.refresh_from_db()
        assert (account.declines, account.auto_code) == (2, "card_without_funds")
        give(cast.acme, -1)
        work_all()
    assert TopUp.unscoped.filter(mode="auto").count() == 2
    assert Event.unscoped.filter(kind="billing.auto_top_up_failed").count() == 2
    assert balance(cast.acme) == 500 - 4


@pytest.mark.parametrize(("last4", "code"), [(LOST, "card_declined"), (ASKS, "card_needs_you")])
def test_a_final_refusal_stops_at_once_and_a_payment_by_hand_begins_anew(
    cast: Cast, there: Stripe, last4: str, code: str
) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    use_card(there, cast.acme, last4)
    give(cast.acme, -1)
    work_all()
    account = account_of(cast.acme.pk)
    assert account.auto_code == code
    assert "off until somebody acts" in Event.unscoped.get(kind="billing.auto_top_up_failed").data["next"]
    top_up(there, cast.acme, 500)
    account.refresh_from_db()
    assert (account.auto_code, account.declines, account.card_last4) == ("", 0, "4242")


def test_silence_of_a_charge_is_asked_again_with_the_same_key(
    cast: Cast, there: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    monkeypatch.setattr("billing.stripe_api.SECONDS", 1.0)
    there.is_silent = True
    give(cast.acme, -1)
    work()
    assert balance(cast.acme) == 499
    work_all()
    assert balance(cast.acme) == 2499
    assert len(there.paid()) == 2


@pytest.mark.parametrize("is_known", [True, False])
def test_what_was_sent_long_ago_is_looked_for_and_not_sent_again(
    cast: Cast, there: Stripe, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    monkeypatch.setattr("billing.stripe_api.SECONDS", 1.0)
    there.is_silent = is_known
    there.fails = [] if is_known else [503]
    give(cast.acme, -1)
    work()
    there.replies.clear()
    with clock.frozen(clock.now() + timedelta(days=2)):
        work_all()
    assert len(there.of("pi")) == (2 if is_known else 1)
    assert balance(cast.acme) == (2499 if is_known else 499)
    if not is_known:
        assert TopUp.unscoped.get(mode="auto").error_code == "payment_unknown"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_stripe_is_asked_again(cast: Cast, there: Stripe, status: int) -> None:
    row = add_funds(workspace=cast.acme, cents=500, actor=ANN)
    there.fails = [status, status]
    work()
    row.refresh_from_db()
    assert row.error_code == "stripe_away"
    work_all()
    work_all()
    row.refresh_from_db()
    assert row.state == "open"


def test_a_refused_key_gives_nothing_up(cast: Cast, there: Stripe, settings: Settings) -> None:
    row = add_funds(workspace=cast.acme, cents=500, actor=ANN)
    settings.STRIPE_SECRET_KEY = "sk_test_withdrawn"
    work()
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("preparing", "stripe_key_refused")


def test_another_card_takes_the_place_of_the_first(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    old = account_of(cast.acme.pk).payment_method
    row = save_another_card(workspace=cast.acme, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session, "0005")
    work_all()
    account = account_of(cast.acme.pk)
    assert account.card_last4 == "0005"
    assert there.objects[old]["customer"] is None, "Stripe forgets the old one"
    assert not OldCard.unscoped.exists()
    assert balance(cast.acme) == 500


def test_a_card_that_is_taken_away_at_stripe_is_gone_here(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    account = account_of(cast.acme.pk)
    there.objects[account.payment_method]["customer"] = None
    post_event(there.happened("payment_method.detached", there.objects[account.payment_method]))
    work()
    account.refresh_from_db()
    assert (account.has_card, account.auto_is_on) == (False, False)


def test_a_charge_that_no_bank_decides_about_is_told_after_a_week(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    give(cast.acme, -100)
    work()
    row = TopUp.unscoped.get(mode="auto")
    old = {"run_after": clock.now(), "created_at": clock.now() - timedelta(days=9)}
    TopUp.unscoped.filter(pk=row.pk).update(state="processing", ended_at=None, **old)
    there.objects[row.payment_intent]["status"] = "processing"
    work_all()
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("failed", "payment_undecided")
    assert Event.unscoped.filter(kind="billing.auto_top_up_failed", data__code="payment_undecided").exists()


def test_turning_on_at_a_low_balance_charges_at_once_and_is_told(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    change_auto(workspace=cast.acme, is_on=True, threshold_cents=600, amount_cents=2000, actor=ANN)
    assert account_of(cast.acme.pk).depth == Depth.AT_THRESHOLD
    work()
    assert balance(cast.acme) == 2500


def test_a_payment_that_was_not_asked_for_is_told(cast: Cast, there: Stripe) -> None:
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session)
    there.objects[there.objects[row.session]["payment_intent"]]["amount_received"] = 100
    for _ in range(3):
        work_all()
        look_again(row.pk)
    event = Event.unscoped.get(kind="billing.payment_held_back")
    assert (event.data["amount"], event.data["code"]) == ("$25.00", "payment_mismatch")


def test_a_payment_that_is_given_up_is_closed_at_stripe_and_credited_when_it_was_paid(
    cast: Cast, there: Stripe
) -> None:
    unpaid, paid = (add_funds(workspace=cast.acme, cents=cents, actor=ANN) for cents in (500, 1000))
    never_opened = add_funds(workspace=cast.acme, cents=1500, actor=ANN)
    abandon(top_up=never_opened)
    work()
    for row in (unpaid, paid):
        row.refresh_from_db()
    there.pay(paid.session)
    for row in (unpaid, paid):
        abandon(top_up=row)
    work()
    for row in (unpaid, paid, never_opened):
        row.refresh_from_db()
    assert (unpaid.state, there.objects[unpaid.session]["status"]) == ("expired", "expired")
    assert (paid.state, balance(cast.acme)) == ("succeeded", 1000)
    assert (never_opened.state, never_opened.session) == ("expired", "")


def test_five_payments_may_be_open(cast: Cast, there: Stripe) -> None:
    for cents in (500, 600, 700, 800, 900):
        add_funds(workspace=cast.acme, cents=cents, actor=ANN)
    with pytest.raises(NeedsUser, match="top_ups_open"):
        add_funds(workspace=cast.acme, cents=1000, actor=ANN)
    add_funds(workspace=cast.acme, cents=900, actor=ANN)
    assert TopUp.unscoped.count() == 5


def test_what_admins_are_mailed_about() -> None:
    kinds = {"topped_up", "auto_topped_up", "auto_top_up_failed", "balance_low", "payment_held_back"}
    assert {f"billing.{kind}" for kind in kinds} <= ALWAYS_MAILED
