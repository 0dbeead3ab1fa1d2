"""What Stripe's messages are believed of: a signature of theirs, in any order, any number of times, and no amount."""

import random
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from billing.models import Entry, StripeEvent
from billing.wishes import add_funds
from config.lib import clock
from tests.cast import Cast
from tests.servers.stripe_api import Stripe, signed
from tests.unit.billing.paying import ANN, balance, post_event, work, work_all

pytestmark = pytest.mark.django_db


def test_fifty_messages_in_any_order_are_one_credit(cast: Cast, there: Stripe) -> None:
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session)
    told = [random.Random(number).choice(there.events) for number in range(50)]
    for event in told:
        assert post_event(event) == 204
        if random.Random(event["id"]).random() < 0.3:
            work()
    work_all()
    assert balance(cast.acme) == 2500
    assert StripeEvent.objects.count() == len({event["id"] for event in told})
    assert Entry.unscoped.count() == 1


def test_a_webhook_credits_at_once(cast: Cast, there: Stripe) -> None:
    row = add_funds(workspace=cast.acme, cents=500, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session)
    assert post_event(there.events[-1]) == 204
    work()
    assert balance(cast.acme) == 500


@pytest.mark.parametrize("number", range(20))
def test_a_forged_message_is_refused(cast: Cast, there: Stripe, settings: Settings, number: int) -> None:
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    event = there.happened("checkout.session.completed", {**there.objects[row.session], "payment_status": "paid"})
    body, header = signed(event)
    forged = [
        (body, ""), (body, "t=1,v1="), (body, header[:-1]), (body + b" ", header), (b"{}", header),
        (body, header.replace("v1=", "v0=")), (body, "garbage"), (body, f"t=x,{header}"[:20]),
        signed(event, "whsec_other"), signed(event, at=1), signed(event, at=int(clock.now().timestamp()) - 301),
        (body.replace(b"2500", b"9900"), header), (b"\xff" + body, header), (b"", header),
        (body, header + "x"), (body, header.upper()), (body, "v1=" + "0" * 64), (body, "t=0,v1=" + "0" * 64),
        (b"[]", header), (b"null", header),
    ][number]  # fmt: skip
    answer = Client().post(
        "/billing/webhook", forged[0], content_type="application/json", headers={"Stripe-Signature": forged[1]}
    )
    assert answer.status_code == 400
    work_all()
    assert balance(cast.acme) == 0
    assert not StripeEvent.objects.exists()


def test_a_true_message_about_money_that_is_not_there_credits_nothing(cast: Cast, there: Stripe) -> None:
    """Signed, but Stripe itself says that nothing was paid."""
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    told = {**there.objects[row.session], "payment_status": "paid", "status": "complete"}
    assert post_event(there.happened("checkout.session.completed", told)) == 204
    work_all()
    assert balance(cast.acme) == 0


@pytest.mark.parametrize(
    "changed", [{"amount_received": 100}, {"currency": "eur"}, {"customer": "cus_other"}, {"livemode": True}]
)
def test_a_payment_that_was_not_asked_for_is_held_back(cast: Cast, there: Stripe, changed: dict[str, object]) -> None:
    row = add_funds(workspace=cast.acme, cents=2500, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session)
    there.objects[there.objects[row.session]["payment_intent"]].update(changed)
    work_all()
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("failed", "payment_mismatch")
    assert balance(cast.acme) == 0


def test_messages_of_the_other_mode_and_of_other_kinds_are_left_alone(cast: Cast, there: Stripe) -> None:
    assert post_event(there.happened("invoice.paid", {"id": "in_1"})) == 204
    assert post_event({**there.happened("payment_intent.succeeded", {"id": "pi_1"}), "livemode": True}) == 204
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"created": 10**18}, {"created": -(10**15)}, {"created": True}, {"created": 1.5}, {"id": "evt_\ud800\0"}]
)
def test_what_no_database_takes_is_no_error(cast: Cast, there: Stripe, wrong: dict[str, Any]) -> None:
    assert post_event({**there.happened("payment_intent.succeeded", {"id": "pi_1\0"}), **wrong}) == 204


def test_a_signature_of_strange_letters_is_refused(cast: Cast, there: Stripe) -> None:
    headers = {"Stripe-Signature": "t=1,v1=\xe9"}
    answer = Client().post("/billing/webhook", b"{}", content_type="application/json", headers=headers)
    assert answer.status_code == 400
