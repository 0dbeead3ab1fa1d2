"""The mails about money, as admins read them."""

from pathlib import Path

import pytest
from django.urls import reverse
from pytest_django import Settings

from billing.ledger import account_of
from config.lib import jobs
from tests.cast import Cast
from tests.mails import Mails, text_of
from tests.servers.stripe_api import ASKS, BROKE, Stripe
from tests.unit.billing.paying import auto_on, give, top_up, use_card, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def mails(settings: Settings, tmp_path: Path) -> Mails:
    settings.VAR_DIR, settings.EMAIL_URL = tmp_path, ""
    return Mails(tmp_path / "mail")


def sent(mails: Mails, subject: str, *, of: int) -> str:
    """The text of the one mail whose subject ends so, of so many that only the admin got."""
    jobs.run_due("reaction")
    jobs.run_due("delivery")
    assert [mail["To"] for mail in mails.all()] == ["admin@example.org"] * of
    (text,) = [text_of(mail) for mail in mails.all() if str(mail["Subject"]).endswith(subject)]
    return " ".join(text.split())


def billing_page(settings: Settings, cast: Cast) -> str:
    return str(settings.SITE_URL) + reverse("billing:home", args=[cast.acme.pk])


def test_a_payment_by_hand(cast: Cast, there: Stripe, mails: Mails, settings: Settings) -> None:
    top_up(there, cast.acme)
    text = sent(mails, "$25.00 was added to the balance by ann@example.org; it is $25.00 now", of=1)
    assert "The receipt is in Settings, Billing, beside the payment." in text
    assert billing_page(settings, cast) in text


def test_a_payment_by_itself_and_the_fall_before_it(cast: Cast, there: Stripe, mails: Mails) -> None:
    top_up(there, cast.acme)
    auto_on(cast.acme)
    give(cast.acme, -2100)
    text = sent(mails, "The balance is low: $4.00. Automation waits below $3.00", of=2)
    assert "The saved card is being charged $20.00." in text
    assert "wait until then" not in text
    work()
    sent(mails, "$20.00 was added to the balance from the saved card; it is $24.00 now", of=3)


def test_a_fall_below_the_minimum_while_automatic_top_ups_pause(cast: Cast, there: Stripe, mails: Mails) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    use_card(there, cast.acme, BROKE)
    give(cast.acme, -1)
    work()
    sent(mails, "The balance is low: $4.99. Automation waits below $3.00", of=3)
    give(cast.acme, -300)
    text = sent(mails, "The balance is low: $1.99. Automation waits below $3.00", of=4)
    assert "The card is charged again within a day, as automatic top-ups pause now." in text
    assert "Deployments and renewals wait until then" in text


def test_a_fall_without_automatic_top_ups(cast: Cast, billing_on: None, mails: Mails) -> None:
    give(cast.acme, 300)
    give(cast.acme, -1)
    text = sent(mails, "The balance is low: $2.99. Automation waits below $3.00", of=1)
    assert "Add funds. Deployments and renewals wait until then; watching and alerts go on." in text


def test_a_bank_that_asks_for_a_person_gets_one_by_a_link(
    cast: Cast, there: Stripe, mails: Mails, settings: Settings
) -> None:
    top_up(there, cast.acme, 500)
    auto_on(cast.acme)
    use_card(there, cast.acme, ASKS)
    give(cast.acme, -100)
    work()
    text = sent(mails, "The automatic top-up of $20.00 failed: The bank wants you to confirm the payment", of=3)
    assert "Pay by hand in Settings, Billing: the bank asks you there." in text
    assert billing_page(settings, cast) in text
    assert account_of(cast.acme.pk).auto_code == "card_needs_you"
