"""Money coming in: by a person at Stripe's own page, or from the saved card. The row is worked until it has ended.

One way leads to a credit: the payment is read from Stripe, and is what this row asked for. A webhook, the person's
return and the look that comes by itself all only make the row due.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.urls import reverse

from auditlog.events import record
from billing import stripe_api
from billing.auto import forget_declines, is_at_threshold, note_decline
from billing.cards import in_words, keep_card, lose_customer
from billing.ledger import account_of, locked, note_change, post
from billing.models import Account, EntryKind, StripeEvent, TopUp
from billing.stripe_api import Declined
from config.lib import clock, errors, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Permanent
from config.lib.money import dollars

log = logging.getLogger("billing")
State, Mode = TopUp.State, TopUp.Mode
# Stripe forgets a request's key after a day: what was sent is not sent again after that.
SURELY_KNOWN = timedelta(hours=23)
LOOKS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30, 60))
# A session at Stripe's page lives for a day, and its outcome may be late.
GIVEN_UP_AFTER = timedelta(days=8)


def work_top_ups(batch: Sequence[TopUp]) -> None:
    for top_up in batch:
        top_up.renew_lease(2 * stripe_api.SECONDS)
        _STEPS[Mode(top_up.mode)](top_up)


def _work_at_page(top_up: TopUp) -> None:
    """By hand, or for a card alone."""
    if not top_up.session and top_up.ended_at:
        top_up.finish()  # Given up before it had a page.
        return
    if not top_up.session:
        _open_page(top_up)
        return
    session = stripe_api.session_of(top_up.session)
    crash_here("billing.session_read")
    if session.get("status") == "complete" and top_up.mode == Mode.CARD:
        _keep_card_alone(top_up, (session.get("setup_intent") or {}).get("payment_method"))
    elif session.get("payment_status") == "paid" and top_up.mode == Mode.MANUAL:
        invoice = (session.get("invoice") or {}).get("hosted_invoice_url")
        _credit(top_up, session.get("payment_intent") or {}, invoice_url=invoice)
    elif session.get("status") == "expired":
        _end(top_up, State.EXPIRED)
    elif session.get("status") == "open" and top_up.ended_at:
        stripe_api.expire_session(top_up.session)  # Somebody decided not to pay.
        top_up.finish()
    else:
        _look_later(top_up)


def _open_page(top_up: TopUp) -> None:
    if not top_up.customer:
        top_up.save_step(customer=_customer_of(account_of(top_up.workspace_id), top_up))
    session = stripe_api.open_session(_session_of(top_up), f"topup-{top_up.pk}")
    crash_here("billing.session_made")
    top_up.finish(
        state=State.OPEN,
        session=str(session["id"]),
        url=_link(session.get("url")),
        run_after=clock.now() + LOOKS[0],
        error_code="",
    )


def _customer_of(account: Account, top_up: TopUp) -> str:
    if not account.customer:
        name = top_up.workspace.name
        customer = stripe_api.open_customer(account.workspace_id, name, f"customer-{top_up.pk}")
        crash_here("billing.customer_made")
        Account.unscoped.filter(pk=account.pk, customer="").update(customer=customer)
        account.refresh_from_db()
        top_up.renew_lease(2 * stripe_api.SECONDS)
    return account.customer


def _session_of(top_up: TopUp) -> dict[str, Any]:
    """Stripe's page takes the card, so no card's number ever reaches us."""
    page = settings.SITE_URL + reverse("billing:top-up", args=[top_up.workspace_id, top_up.pk])
    marks = {"top_up": str(top_up.pk), "workspace": str(top_up.workspace_id)}
    told: dict[str, Any] = {
        "customer": top_up.customer,
        "client_reference_id": str(top_up.pk),
        "payment_method_types": ["card"],
        "metadata": marks,
        "success_url": f"{page}?back=1",
        "cancel_url": f"{page}?back=0",
    }
    if top_up.mode == Mode.CARD:
        return {**told, "mode": "setup", "setup_intent_data": {"metadata": marks}}
    product = {"name": f"{settings.SITE_NAME}: prepaid balance"}
    price = {"currency": "usd", "unit_amount": top_up.amount_cents, "product_data": product}
    return {
        **told,
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "payment_intent_data": {"setup_future_usage": "off_session", "metadata": marks},
        "invoice_creation": {"enabled": True},
    }


def _work_by_itself(top_up: TopUp) -> None:
    try:
        _charge_saved_card(top_up)
    except Declined as error:
        _end_declined(top_up, error)


def _charge_saved_card(top_up: TopUp) -> None:
    if top_up.called_at is None and not _is_still_wished(top_up):
        _end(top_up, State.EXPIRED)
        return
    intent = stripe_api.intent_of(top_up.payment_intent) if top_up.payment_intent else _charge(top_up)
    if intent is None:
        raise Permanent("payment_unknown")
    if top_up.payment_intent != intent["id"]:
        # One that had ended stays so until it is paid: another may be under way by now, and one at a time is the rule.
        under_way: dict[str, Any] = {} if top_up.ended_at else {"state": State.PROCESSING}
        top_up.save_step(payment_intent=str(intent["id"]), **under_way)
        crash_here("billing.intent_stored")
    status = str(intent.get("status", ""))
    if status == "succeeded":
        _credit(top_up, _with_details(intent))
    elif status in ("requires_action", "requires_confirmation"):
        raise Declined("card_needs_you", decline=stripe_api.NEEDS_PERSON, intent=str(intent["id"]))
    elif status in ("requires_payment_method", "canceled"):
        raise _refusal_in(intent)
    else:
        _look_later(top_up)


def _is_still_wished(top_up: TopUp) -> bool:
    """Since the row was made the owner may have turned it off, a bank stopped it, or somebody added funds."""
    account = account_of(top_up.workspace_id)
    return account.auto_is_on and not account.auto_code and is_at_threshold(account)


def _with_details(intent: dict[str, Any]) -> dict[str, Any]:
    """One that was just made tells its card and receipt by their ids alone."""
    return intent if isinstance(intent.get("latest_charge"), dict) else stripe_api.intent_of(str(intent["id"]))


def _refusal_in(intent: dict[str, Any]) -> Declined:
    told = intent.get("last_payment_error") or {}
    decline = str(told.get("decline_code") or told.get("code") or "generic_decline")
    return Declined(stripe_api.decline_code(decline), decline=decline, intent=str(intent["id"]))


def _charge(top_up: TopUp) -> dict[str, Any] | None:
    """Once, under this row's key; what was sent long ago is looked for instead. None: Stripe knows nothing of it."""
    if top_up.called_at and clock.now() - top_up.called_at > SURELY_KNOWN:
        return _made_before(top_up, top_up.called_at)
    if top_up.called_at is None:
        account = account_of(top_up.workspace_id)
        if not account.has_card:
            raise Permanent("card_missing")
        top_up.save_step(called_at=clock.now(), customer=account.customer, payment_method=account.payment_method)
    crash_here("billing.charge_noted")
    try:
        made = stripe_api.charge_card(_payment_of(top_up), f"autotopup-{top_up.pk}")
    except Permanent as error:
        if error.code != "stripe_asked_otherwise" or top_up.called_at is None:
            raise
        return _made_before(top_up, top_up.called_at)
    crash_here("billing.charged")
    return made


def _made_before(top_up: TopUp, called_at: datetime) -> dict[str, Any] | None:
    found = stripe_api.intents_for(top_up.customer, int(called_at.timestamp()) - 3600)
    return next((one for one in found if (one.get("metadata") or {}).get("top_up") == str(top_up.pk)), None)


def _payment_of(top_up: TopUp) -> dict[str, Any]:
    """Of the row alone: whatever is set meanwhile, a repeated request is the same to the letter."""
    return {
        "amount": top_up.amount_cents,
        "currency": "usd",
        "customer": top_up.customer,
        "payment_method": top_up.payment_method,
        "off_session": True,
        "confirm": True,
        "description": f"{top_up.requested_by}: auto top-up",
        "metadata": {"top_up": str(top_up.pk), "workspace": str(top_up.workspace_id)},
    }


_STEPS = {Mode.MANUAL: _work_at_page, Mode.CARD: _work_at_page, Mode.AUTO: _work_by_itself}


def _credit(top_up: TopUp, intent: dict[str, Any], invoice_url: Any = None) -> None:
    """The one place where money is believed. Raises Permanent `payment_mismatch` for what this row never asked for."""
    if not _is_what_was_asked_for(top_up, intent):
        raise Permanent("payment_mismatch", payment=str(intent.get("id", "")))
    method = intent.get("payment_method")
    receipt = (intent.get("latest_charge") or {}).get("receipt_url")
    top_up.finish(
        state=State.SUCCEEDED,
        payment_intent=str(intent["id"]),
        receipt_url=_link(receipt),
        invoice_url=_link(invoice_url),
        ended_at=clock.now(),
        error_code="",
        error_params={},
        also=partial(_post_credit, top_up, str(intent["id"]), method if isinstance(method, dict) else None),
    )
    crash_here("billing.credited")


def _link(told: Any) -> str:
    """What a page may link to."""
    return str(told) if str(told).startswith("https://") else ""


def _is_what_was_asked_for(top_up: TopUp, intent: dict[str, Any]) -> bool:
    asked = ("succeeded", top_up.amount_cents, "usd", top_up.customer)
    seen = tuple(intent.get(name) for name in ("status", "amount_received", "currency", "customer"))
    return seen == asked and bool(intent.get("livemode")) == stripe_api.is_live()


def _post_credit(top_up: TopUp, intent: str, method: dict[str, Any] | None) -> None:
    account = locked(top_up.workspace_id)
    is_manual = top_up.mode == Mode.MANUAL
    if is_manual and method and not _is_older(top_up, account):
        keep_card(account, method)
    if is_manual and account.topped_up_at is None:
        account.topped_up_at = clock.now()
        account.save(update_fields=["topped_up_at"])
    forget_declines(account, also_dispute=is_manual)
    _wake_messages(intent)
    entry = post(
        top_up.workspace_id,
        kind=EntryKind.TOP_UP if is_manual else EntryKind.AUTO_TOP_UP,
        cents=top_up.amount_cents,
        external_id=intent,
        about="Added by hand" if is_manual else "From the saved card",
        actor_label=top_up.requested_by,
        top_up_id=top_up.pk,
    )
    if entry:
        told = {"amount": dollars(top_up.amount_cents), "balance": dollars(entry.balance_cents)}
        kind = "billing.topped_up" if is_manual else "billing.auto_topped_up"
        told["next"] = "The receipt is in Settings, Billing, beside the payment."
        record(kind, workspace_id=top_up.workspace_id, data={**told, "by": top_up.requested_by})


def _is_older(top_up: TopUp, account: Account) -> bool:
    """A payment that is heard of late must not bring back a card that was replaced or removed meanwhile."""
    return account.card_changed_at is not None and top_up.created_at < account.card_changed_at


def _wake_messages(intent: str) -> None:
    """Refunds and disputes that came before the payment, also those that were given up."""
    rows = StripeEvent.objects.filter(payment_intent=intent, worked_at=None)
    if rows.update(run_after=clock.now(), attempts=0):
        jobs.ring("stripe_event")


def _keep_card_alone(top_up: TopUp, method: Any) -> None:
    if not isinstance(method, dict):
        raise Permanent("card_missing")
    also = partial(_post_card, top_up, method)
    top_up.finish(state=State.SUCCEEDED, ended_at=clock.now(), error_code="", error_params={}, also=also)


def _post_card(top_up: TopUp, method: dict[str, Any]) -> None:
    account = locked(top_up.workspace_id)
    keep_card(account, method)
    forget_declines(account)
    told = {"card": in_words(account), "by": top_up.requested_by}
    record("billing.card_saved", workspace_id=top_up.workspace_id, data=told)
    note_change(account)


def _look_later(top_up: TopUp) -> None:
    age = clock.now() - top_up.created_at
    if top_up.ended_at:
        top_up.finish()  # It is looked at again when Stripe says something about it.
    elif age > GIVEN_UP_AFTER and top_up.mode == Mode.AUTO:
        raise Permanent("payment_undecided")
    elif age > GIVEN_UP_AFTER:
        _end(top_up, State.EXPIRED)
    else:
        pause = LOOKS[min(int(age / timedelta(minutes=2)), len(LOOKS) - 1)]
        top_up.finish(state=State.PROCESSING if top_up.mode == Mode.AUTO else State.OPEN, run_after=clock.now() + pause)


def _end(top_up: TopUp, state: str, error: ExpectedError | None = None, also: Any = None) -> None:
    told = {"error_code": error.code, "error_params": jobs.storable(error.params)} if error else {"error_code": ""}
    top_up.finish(state=state, ended_at=top_up.ended_at or clock.now(), **told, also=also)


def _end_declined(top_up: TopUp, error: Declined) -> None:
    if error.intent and not top_up.payment_intent:
        top_up.save_step(payment_intent=error.intent)
    # Stripe's message about a refusal makes the row due once more: one refusal is counted once.
    also = None if top_up.ended_at else partial(_tell_declined, top_up, error)
    _end(top_up, State.FAILED, error, also=also)
    crash_here("billing.declined")


def _tell_declined(top_up: TopUp, error: Declined) -> None:
    account = locked(top_up.workspace_id)
    note_decline(account, error.code, is_final=error.is_final)
    _tell_failed(top_up, error, is_off=bool(account.auto_code))


def _tell_failed(top_up: TopUp, error: ExpectedError, *, is_off: bool) -> None:
    wording = errors.describe(error.code, error.params)
    told = {
        "amount": dollars(top_up.amount_cents),
        "error": wording.title,
        "code": error.code,
        "params": jobs.storable(error.params),
        "next": "Automatic top-ups are off until somebody acts." if is_off else "It is tried once more in a day.",
    }
    record("billing.auto_top_up_failed", workspace_id=top_up.workspace_id, data=told)


def give_up(top_up: TopUp, error: ExpectedError) -> None:
    """The end without money; a later message about a payment makes it due again."""
    if error.code == "stripe_customer_gone":
        lose_customer(top_up.customer)
    _end(top_up, State.FAILED, error, also=None if top_up.ended_at else partial(_tell_given_up, top_up, error))


def _tell_given_up(top_up: TopUp, error: ExpectedError) -> None:
    if top_up.mode == Mode.AUTO:
        _stop_auto(top_up, error)
    elif error.code == "payment_mismatch":
        # Somebody has paid, and nothing was credited: that must not go unnoticed.
        log.error("billing.payment_held_back", extra={"top_up": str(top_up.pk), **error.params})
        params = jobs.storable(error.params)
        told = {"amount": dollars(top_up.amount_cents), **params, "code": error.code, "params": params}
        told["next"] = "The money is in the Stripe account of whoever runs this portal. It is not lost."
        record("billing.payment_held_back", workspace_id=top_up.workspace_id, data=told)


def _stop_auto(top_up: TopUp, error: ExpectedError) -> None:
    """What nobody understands is not tried again with somebody's card."""
    note_decline(locked(top_up.workspace_id), error.code, is_final=True)
    _tell_failed(top_up, error, is_off=True)
