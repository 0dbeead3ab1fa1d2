"""Stripe did it and its answer was lost: what changed meanwhile must not lose the payment."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from auditlog.models import Event
from billing.charging import gate
from billing.forms import AutoForm, LedgerFilter
from billing.ledger import account_of
from billing.models import Account, Look, TopUp
from billing.wishes import add_funds, look_again, remove_card
from config.lib import clock
from tests.cast import Cast
from tests.servers.stripe_api import BROKE, Stripe
from tests.unit.billing.paying import (
    ANN,
    AnyRun,
    auto_on,
    balance,
    give,
    look_for_lost,
    top_up,
    use_card,
    work,
    work_all,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def unanswered(cast: Cast, there: Stripe, monkeypatch: pytest.MonkeyPatch) -> TopUp:
    """An automatic payment that went through, and nobody here knows."""
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    monkeypatch.setattr("billing.stripe_api.SECONDS", 1.0)
    there.is_silent = True
    give(cast.acme, -1)
    work()
    assert (len(there.paid()), balance(cast.acme)) == (2, 499)
    return TopUp.objects.for_workspace(cast.acme).get(mode="auto")


def test_another_card_meanwhile_changes_nothing_of_the_request(cast: Cast, there: Stripe, unanswered: TopUp) -> None:
    use_card(there, cast.acme, "4444")
    work_all()
    assert (len(there.paid()), balance(cast.acme)) == (2, 2499)


def test_the_card_was_removed_meanwhile(cast: Cast, there: Stripe, unanswered: TopUp) -> None:
    remove_card(workspace=cast.acme, actor=ANN)
    work_all()
    assert (len(there.paid()), balance(cast.acme)) == (2, 2499)


def test_the_customer_was_deleted_at_stripe_meanwhile(cast: Cast, there: Stripe, unanswered: TopUp) -> None:
    Account.unscoped.update(customer="", payment_method="")
    work_all()
    assert balance(cast.acme) == 2499


def test_a_payment_that_was_given_up_is_credited_when_it_shows(cast: Cast, there: Stripe, unanswered: TopUp) -> None:
    TopUp.unscoped.filter(pk=unanswered.pk).update(state="failed", run_after=None, error_code="stripe_refused")
    look_again(unanswered.pk)
    work_all()
    assert (len(there.paid()), balance(cast.acme)) == (2, 2499)


def test_another_name_of_the_workspace_meanwhile_is_another_customer_only(cast: Cast, there: Stripe) -> None:
    first = add_funds(workspace=cast.acme, cents=500, actor=ANN)
    there.fails = [500]
    work()
    cast.acme.name = "Renamed"
    cast.acme.save(update_fields=["name"])
    work_all()
    first.refresh_from_db()
    assert first.state == "open"


def test_what_was_missed_for_hours_is_found_from_the_last_look_on(cast: Cast, there: Stripe) -> None:
    row = top_up(there, cast.acme)
    there.refund(row.payment_intent, 700)
    there.events[-1]["created"] -= 7200
    newer = there.happened("payment_intent.succeeded", there.objects[row.payment_intent])
    Look.objects.create(until=clock.now() - timedelta(hours=6))
    look_for_lost()
    work()
    assert newer
    assert balance(cast.acme) == 1800


def test_whoever_never_paid_is_told_when_something_waits(cast: Cast, billing_on: None) -> None:
    for number in range(3):
        assert not gate(AnyRun(cast.acme.pk, f"d:{number}"), "ssh").is_open
    told = Event.unscoped.filter(kind="billing.balance_low", workspace_id=cast.acme.pk)
    assert [event.data["balance"] for event in told] == ["$0.00"]


def test_a_threshold_at_which_automation_would_wait_already_is_refused(cast: Cast, billing_on: None) -> None:
    form = AutoForm({"is_on": "on", "threshold": "2.99", "amount": "20"}, account=account_of(cast.acme.pk))
    assert "threshold" in form.errors
    assert not AutoForm({"is_on": "on", "threshold": "3", "amount": "20"}, account=account_of(cast.acme.pk)).errors


def test_nobody_is_charged_whose_workspace_closes(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    cast.acme.closing_at = clock.now()
    cast.acme.save(update_fields=["closing_at"])
    give(cast.acme, -100)
    assert not TopUp.unscoped.filter(mode="auto").exists()


def test_one_refusal_counts_once_whatever_is_heard_of_it(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    use_card(there, cast.acme, BROKE)
    give(cast.acme, -1)
    work()
    look_for_lost()
    work()
    assert "payment_intent.payment_failed" in [event["type"] for event in there.events]
    account = account_of(cast.acme.pk)
    assert (account.declines, account.auto_code) == (1, "")
    assert Event.unscoped.filter(kind="billing.auto_top_up_failed").count() == 1


@pytest.mark.parametrize("changed", [{"auto_is_on": False}, {"auto_code": "payment_disputed"}])
def test_no_card_is_charged_after_its_owner_or_a_bank_said_no(
    cast: Cast, there: Stripe, changed: dict[str, object]
) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    give(cast.acme, -1)
    Account.unscoped.update(**changed)
    work()
    assert (len(there.paid()), TopUp.unscoped.get(mode="auto").state) == (1, "expired")


def test_a_day_at_the_end_of_time_is_no_filter(cast: Cast, billing_on: None) -> None:
    assert not LedgerFilter({"end": "9999-12-31"}).is_valid()
    assert LedgerFilter({"end": "2026-12-31"}).is_valid()


def test_the_portals_name_changed_after_a_lost_answer(cast: Cast, there: Stripe, settings: Settings) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    give(cast.acme, -100)
    there.fails = [503]
    settings.SITE_NAME = "Another name"
    work()
    work_all()
    assert balance(cast.acme) == 400 + 2000
    assert len(there.paid()) == 2


def test_a_key_that_was_used_for_another_request_is_looked_for(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    there.is_lost = True
    give(cast.acme, -100)
    work()
    row = TopUp.unscoped.get(mode="auto")
    assert (row.state, len(there.paid())) == ("preparing", 2)
    TopUp.unscoped.filter(pk=row.pk).update(requested_by="Somebody else")
    work_all()
    assert balance(cast.acme) == 400 + 2000
    assert len(there.paid()) == 2


@pytest.mark.parametrize("mode", ["manual", "auto"])
def test_a_customer_that_stripe_does_not_know_is_made_again(cast: Cast, there: Stripe, mode: str) -> None:
    top_up(there, cast.acme, 500)
    del there.objects[account_of(cast.acme.pk).customer]
    if mode == "auto":
        auto_on(cast.acme)
        give(cast.acme, -100)
        work()
    else:
        add_funds(workspace=cast.acme, cents=1000, actor=ANN)
        work()
    last = TopUp.unscoped.order_by("-created_at")[0]
    assert (last.state, last.error_code) == ("failed", "stripe_customer_gone")
    account = account_of(cast.acme.pk)
    assert (account.customer, account.has_card, account.auto_is_on) == ("", False, False)
    before = balance(cast.acme)
    top_up(there, cast.acme, 2500)
    assert balance(cast.acme) == before + 2500


def test_a_balance_that_has_recovered_is_not_topped_up(cast: Cast, there: Stripe) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    give(cast.acme, -100)
    give(cast.acme, 50_000)
    work()
    assert TopUp.unscoped.get(mode="auto").state == "expired"
    assert len(there.paid()) == 1


def test_a_payment_heard_of_late_brings_no_removed_card_back(cast: Cast, there: Stripe) -> None:
    late = add_funds(workspace=cast.acme, cents=1000, actor=ANN)
    work()
    late.refresh_from_db()
    top_up(there, cast.acme, 500)
    remove_card(workspace=cast.acme, actor=ANN)
    there.pay(late.session, BROKE)
    work_all()
    assert balance(cast.acme) == 1500
    assert not account_of(cast.acme.pk).has_card
