"""The gate and the till: set aside once, taken when the work is done, never more than is there."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from auditlog.models import Event
from billing.charging import gate, held_since, release_stale, require_balance, settle
from billing.ledger import account_of, depth_of, post
from billing.models import Charge, Depth, Entry, EntryKind
from config.lib.errors import NeedsUser
from tests.cast import Cast
from tests.unit.billing.paying import AnyRun, balance, give

pytestmark = pytest.mark.django_db


def test_without_stripe_everything_is_free(cast: Cast, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""
    run = AnyRun(cast.acme.pk)
    assert gate(run, "ssh").answer == "free"
    settle(run, did_its_work=True)
    require_balance(cast.acme.pk, "ssh")
    assert not Charge.unscoped.exists()


@pytest.mark.both_databases
def test_a_price_is_set_aside_and_taken_once(cast: Cast, billing_on: None) -> None:
    give(cast.acme, 300)
    run = AnyRun(cast.acme.pk)
    assert [gate(run, "ssh").answer for _ in range(3)] == ["held"] * 3
    assert account_of(cast.acme.pk).held_cents == 5
    settle(run, did_its_work=True)
    settle(run, did_its_work=True)
    assert (balance(cast.acme), account_of(cast.acme.pk).held_cents) == (295, 0)
    again = AnyRun(cast.acme.pk)
    assert gate(again, "ssh").answer == "free", "the same deployment to the same target"
    (entry,) = Entry.unscoped.filter(kind=EntryKind.CHARGE)
    assert (entry.amount_cents, entry.balance_cents, entry.about) == (-5, 295, "Deployment to web1")


def test_what_failed_costs_nothing_and_is_set_aside_anew(cast: Cast, billing_on: None) -> None:
    give(cast.acme, 300)
    first, second = AnyRun(cast.acme.pk), AnyRun(cast.acme.pk)
    gate(first, "ssh")
    settle(first, did_its_work=False)
    assert account_of(cast.acme.pk).available_cents == 300
    gate(second, "ssh")
    settle(first, did_its_work=True)
    assert balance(cast.acme) == 300, "a run takes what is its own"
    settle(second, did_its_work=True)
    assert balance(cast.acme) == 295


@pytest.mark.parametrize(("cents", "missing"), [(0, 300), (299, 1), (-5, 305)])
def test_below_the_minimum_it_is_refused_with_what_is_missing(
    cast: Cast, billing_on: None, cents: int, missing: int
) -> None:
    if cents:
        give(cast.acme, cents)
    answer = gate(AnyRun(cast.acme.pk), "ssh")
    assert (answer.answer, answer.missing_cents) == ("refused", missing)
    with pytest.raises(NeedsUser, match="balance_too_low"):
        require_balance(cast.acme.pk, "ssh")


def test_what_is_nearly_too_late_is_done_on_credit(cast: Cast, billing_on: None, settings: Settings) -> None:
    run = AnyRun(cast.acme.pk)
    assert gate(run, "ssh", is_late=True).answer == "held"
    assert Charge.unscoped.get().is_mercy
    settle(run, did_its_work=True)
    assert balance(cast.acme) == -5
    settings.BILLING_RENEW_WHEN_LATE = False
    assert gate(AnyRun(cast.acme.pk, "d:u"), "ssh", is_late=True).answer == "refused"


def test_each_workspace_pays_for_itself(cast: Cast, billing_on: None) -> None:
    give(cast.acme, 300)
    assert gate(AnyRun(cast.other.pk), "ssh").answer == "refused"
    gate(AnyRun(cast.acme.pk), "ssh")
    assert account_of(cast.other.pk).held_cents == 0


def test_a_price_of_nothing_leaves_no_entry(cast: Cast, billing_on: None, settings: Settings) -> None:
    settings.BILLING_PRICE_SSH_CENTS = 0
    give(cast.acme, 300)
    run = AnyRun(cast.acme.pk)
    gate(run, "ssh")
    settle(run, did_its_work=True)
    assert Entry.unscoped.count() == 1


def test_what_was_set_aside_for_a_run_that_is_gone_comes_back(cast: Cast, billing_on: None) -> None:
    give(cast.acme, 300)
    gate(AnyRun(cast.acme.pk), "ssh")
    assert held_since(timedelta(hours=1)) == []
    (charge,) = held_since(timedelta(seconds=-5))
    for _ in range(2):
        release_stale(charge.pk)
    assert account_of(cast.acme.pk).available_cents == 300


def test_low_is_told_once_for_each_fall(cast: Cast, billing_on: None) -> None:
    account = give(cast.acme, 302)
    account.topped_up_at = account.created_at
    account.save()
    for number in range(3):
        run = AnyRun(cast.acme.pk, f"d:{number}")
        gate(run, "ssh", is_late=True)
        settle(run, did_its_work=True)
    assert Event.unscoped.filter(kind="billing.balance_low").count() == 1
    give(cast.acme, 1000)
    post(cast.acme.pk, kind=EntryKind.REFUND, cents=-1200, external_id="re_1")
    assert Event.unscoped.filter(kind="billing.balance_low").count() == 2


def test_the_minimum_is_the_dearest_price_at_least(cast: Cast, billing_on: None, settings: Settings) -> None:
    settings.BILLING_PRICE_RENEW_CENTS = 500
    give(cast.acme, 499)
    assert gate(AnyRun(cast.acme.pk), "ssh").missing_cents == 1
    give(cast.acme, 1)
    assert gate(AnyRun(cast.acme.pk), "renew").is_open


def test_each_step_down_is_told(cast: Cast, billing_on: None) -> None:
    account = give(cast.acme, 1000)
    account.auto_is_on, account.auto_threshold_cents = True, 500
    account.save()
    for cents in (-500, -1, -199, -1, -50, 1000, -800):
        give(cast.acme, cents)
    told = Event.unscoped.filter(kind="billing.balance_low").order_by("at").values_list("data__balance", flat=True)
    assert list(told) == ["$5.00", "$2.99", "$4.49"]


def test_a_threshold_that_was_set_before_the_minimum_rose_is_raised(
    cast: Cast, billing_on: None, settings: Settings
) -> None:
    settings.BILLING_MIN_BALANCE = Decimal("8.00")
    account = give(cast.acme, 800)
    account.auto_is_on, account.auto_threshold_cents = True, 500
    assert depth_of(account) == Depth.AT_THRESHOLD


@pytest.mark.both_databases
def test_an_entry_is_never_changed_and_never_deleted(cast: Cast, billing_on: None) -> None:
    give(cast.acme, 300)
    for act in (lambda: Entry.unscoped.update(amount_cents=1), lambda: Entry.unscoped.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()
    assert balance(cast.acme) == 300


def test_the_same_payment_is_posted_once(cast: Cast, billing_on: None) -> None:
    first = post(cast.acme.pk, kind=EntryKind.TOP_UP, cents=500, external_id="pi_1")
    assert first
    assert post(cast.acme.pk, kind=EntryKind.TOP_UP, cents=500, external_id="pi_1") is None
    assert balance(cast.acme) == 500


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_two_hundred_at_once_never_spend_what_is_not_there(cast: Cast, billing_on: None) -> None:
    give(cast.acme, 300)

    def deploy(number: int) -> str:
        run = AnyRun(cast.acme.pk, f"d:{number}")
        try:
            answer = gate(run, "ssh").answer
            settle(run, did_its_work=number % 3 != 0)
            return answer
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(deploy, range(200)))
    account = account_of(cast.acme.pk)
    taken = Charge.unscoped.filter(state="captured").count()
    assert balance(cast.acme) == 300 - 5 * taken >= 0
    assert account.held_cents == 0
    assert answers.count("held") == Charge.unscoped.count()
    assert "refused" in answers
