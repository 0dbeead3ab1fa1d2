"""Money in and out against a stateful Stripe of other hands, by Stripe's own library."""

import json
import random
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from django.test import Client
from pytest_django import Settings

from billing.ledger import account_of
from billing.models import Entry, EntryKind, StripeEvent, TopUp
from billing.wishes import add_funds, save_another_card
from tests.cast import Cast, make_cast
from tests.servers.local_stripe import FAILS, LocalStripe, local_stripe
from tests.servers.ports import wait_until
from tests.servers.stripe_api import ASKS, KEY, SECRET, signed
from tests.unit.billing.paying import ANN, auto_on, balance, give, look_for_lost, top_up, use_card, work, work_all

pytestmark = pytest.mark.django_db
PAID = "payment_intent.succeeded"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def running() -> Iterator[LocalStripe]:
    with local_stripe() as server:
        yield server


@pytest.fixture
def there(settings: Settings, running: LocalStripe) -> LocalStripe:
    """With nothing left of the test before."""
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = KEY, SECRET
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    settings.STRIPE_API_BASE = running.url
    running.sure("DELETE", "/_config/data")
    for kept in (running.objects, running.replies, running.events, running.heard):
        kept.clear()
    return running


def automatic(cast: Cast) -> TopUp:
    return TopUp.objects.for_workspace(cast.acme).filter(mode="auto").latest("created_at")


def post(body: bytes, header: str) -> int:
    answer = Client().post(
        "/billing/webhook", body, content_type="application/json", headers={"Stripe-Signature": header}
    )
    return answer.status_code


def message_of(there: LocalStripe, row: TopUp) -> tuple[bytes, str]:
    """localstripe's own about the payment; it sends them a second later."""
    intent = there.objects[row.session]["payment_intent"]

    def found() -> list[tuple[bytes, str]]:
        about = [(json.loads(body), body, header) for body, header in there.heard]
        return [(b, h) for told, b, h in about if told["type"] == PAID and told["data"]["object"]["id"] == intent]

    wait_until(found, seconds=10, what="localstripe's message")
    return found()[0]


def paid_but_unheard(there: LocalStripe, cast: Cast) -> TopUp:
    """Paid at the page, and nobody has looked again yet."""
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session)
    assert balance(cast.acme) == 0
    return row


def test_a_payment_by_hand_saves_the_card_and_the_next_comes_from_it(there: LocalStripe, cast: Cast) -> None:
    row = top_up(there, cast.acme)
    assert (row.state, balance(cast.acme)) == ("succeeded", 2500)
    assert row.receipt_url == f"https://pay.stripe.com/receipts/{row.payment_intent}"
    account = account_of(cast.acme.pk)
    assert (account.card_brand, account.card_last4, account.card_expires) == ("visa", "4242", "12/2030")
    auto_on(cast.acme)
    give(cast.acme, -2100)
    work()
    assert (automatic(cast).state, balance(cast.acme)) == ("succeeded", 2400)
    assert [one["amount"] for one in there.paid()] == [2500, 2000]


def test_another_card_takes_the_place_of_the_saved_one(there: LocalStripe, cast: Cast) -> None:
    top_up(there, cast.acme)
    old = account_of(cast.acme.pk).payment_method
    row = save_another_card(workspace=cast.acme, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session, FAILS)
    work_all()
    account = account_of(cast.acme.pk)
    assert (account.card_last4, balance(cast.acme)) == (FAILS, 2500)
    assert there.found(old)["customer"] is None, "Stripe forgets the old one"


@pytest.mark.parametrize(("card", "code"), [(FAILS, "card_declined"), (ASKS, "card_needs_you")])
def test_what_the_bank_refuses_is_not_credited(there: LocalStripe, cast: Cast, card: str, code: str) -> None:
    top_up(there, cast.acme)
    use_card(there, cast.acme, card)
    auto_on(cast.acme)
    give(cast.acme, -2100)
    work()
    row = automatic(cast)
    assert (row.state, row.error_code, balance(cast.acme)) == ("failed", code, 400)
    assert account_of(cast.acme.pk).auto_code == code
    assert there.found(row.payment_intent)["metadata"]["top_up"] == str(row.pk)


def test_what_goes_back_leaves_the_balance(there: LocalStripe, cast: Cast) -> None:
    row = top_up(there, cast.acme)
    there.refund(row.payment_intent, 700)
    look_for_lost()
    work()
    assert balance(cast.acme) == 1800
    there.dispute(row.payment_intent)
    look_for_lost()
    work()
    assert balance(cast.acme) == 0, "no more than was paid"
    kinds = Entry.objects.for_workspace(cast.acme).order_by("at").values_list("kind", flat=True)
    assert list(kinds) == [EntryKind.TOP_UP, EntryKind.REFUND, EntryKind.DISPUTE]


def test_a_message_that_localstripe_signed_credits_once_however_often_it_comes(there: LocalStripe, cast: Cast) -> None:
    row = paid_but_unheard(there, cast)
    body, header = message_of(there, row)
    assert [post(body, header) for _ in range(50)] == [204] * 50
    assert StripeEvent.objects.count() == 1
    work()
    row.refresh_from_db()
    assert (row.state, balance(cast.acme)) == ("succeeded", 2500)
    assert post(body, header) == 204
    work()
    assert balance(cast.acme) == 2500


def test_a_forged_message_is_refused(there: LocalStripe, cast: Cast) -> None:
    body, header = message_of(there, paid_but_unheard(there, cast))
    forged = [(body + b" ", header), (body, header.replace("v1=", "v1=0")), (body, ""), signed(json.loads(body), "no")]
    assert [post(*one) for one in forged] == [400] * 4
    work()
    assert (StripeEvent.objects.count(), balance(cast.acme)) == (0, 0)


def test_messages_in_any_order_come_to_the_same(there: LocalStripe, cast: Cast) -> None:
    row = paid_but_unheard(there, cast)
    intent = there.objects[row.session]["payment_intent"]
    there.refund(intent, 700)
    there.dispute(intent)
    messages = [message_of(there, row), *(signed(event) for event in there.events if event["type"] != PAID)]
    random.Random(11).shuffle(messages)
    for message in messages:
        assert post(*message) == 204
        work()
    work_all()
    assert balance(cast.acme) == 0
    kinds = Entry.objects.for_workspace(cast.acme).values_list("kind", flat=True)
    assert sorted(kinds) == sorted([EntryKind.TOP_UP, EntryKind.REFUND, EntryKind.DISPUTE])


def test_a_lost_message_is_found(there: LocalStripe, cast: Cast) -> None:
    row = paid_but_unheard(there, cast)
    look_for_lost()
    work()
    row.refresh_from_db()
    assert (row.state, balance(cast.acme)) == ("succeeded", 2500)
