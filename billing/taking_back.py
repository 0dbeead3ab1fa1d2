"""Refunds and disputes: what Stripe has taken back leaves the balance too, which may go below zero by it."""

from typing import Any

from django.db import transaction

from auditlog.events import record
from billing import stripe_api
from billing.ledger import locked, post
from billing.models import Entry, EntryKind, TopUp
from config.lib.money import dollars

# Stripe has, or is about to have, sent the money back.
_GOES_BACK = frozenset({"pending", "requires_action", "succeeded"})
_STAYS = frozenset({"failed", "canceled"})
DISPUTED = "payment_disputed"


def take_back_refunds(intent: str) -> None:
    """All refunds of a payment as they are now. Blocks; repeatable. A payment that is none of ours is left alone."""
    top_up = _paid_by(intent)
    if top_up is None:
        return
    for refund in stripe_api.refunds_of(intent):
        if refund.get("status") in _GOES_BACK:
            _refund(top_up, str(refund["id"]), int(refund.get("amount") or 0))
        elif refund.get("status") in _STAYS:
            _undo(top_up, EntryKind.REFUND, EntryKind.REFUND_UNDONE, str(refund["id"]), "The refund failed")


def _paid_by(intent: str) -> TopUp | None:
    return TopUp.unscoped.filter(payment_intent=intent, state=TopUp.State.SUCCEEDED).first() if intent else None


@transaction.atomic
def _refund(top_up: TopUp, number: str, cents: int) -> None:
    """Never more than was paid, whatever is said."""
    locked(top_up.workspace_id)
    entry = _take(top_up, EntryKind.REFUND, cents, number, "Refunded to the card")
    if entry:
        told = {"amount": dollars(-entry.amount_cents), "balance": dollars(entry.balance_cents)}
        record("billing.refunded", workspace_id=top_up.workspace_id, data=told)


def _take(top_up: TopUp, kind: str, cents: int, number: str, about: str) -> Entry | None:
    """No entry where nothing is left to take: the whole payment went back by another way."""
    left = top_up.amount_cents + _taken_back(top_up)
    taken = min(max(cents, 0), left)
    return _post(top_up, kind, -taken, number, about) if taken else None


def _taken_back(top_up: TopUp) -> int:
    """In cents, negative, of this payment."""
    kinds = (EntryKind.REFUND, EntryKind.REFUND_UNDONE, EntryKind.DISPUTE, EntryKind.DISPUTE_UNDONE)
    rows = Entry.objects.for_workspace(top_up.workspace_id).filter(top_up_id=top_up.pk, kind__in=kinds)
    return sum(rows.values_list("amount_cents", flat=True))


def take_back_dispute(number: str) -> None:
    """A dispute as it is now. Blocks; repeatable. Money leaves when the bank takes it, and returns when it is won."""
    dispute = stripe_api.dispute_of(number)
    top_up = _paid_by(_id_of(dispute.get("payment_intent")))
    if top_up is None:
        return
    status = str(dispute.get("status", ""))
    if not status.startswith("warning_"):
        _dispute(top_up, number, int(dispute.get("amount") or 0))
    if status == "won":
        _undo(top_up, EntryKind.DISPUTE, EntryKind.DISPUTE_UNDONE, number, "The dispute was won")


def _id_of(found: Any) -> str:
    """Stripe tells an object by its id, or whole where that was asked for."""
    return str(found.get("id", "")) if isinstance(found, dict) else str(found or "")


@transaction.atomic
def _dispute(top_up: TopUp, number: str, cents: int) -> None:
    """No card is charged by itself while its owner's bank wants money back."""
    account = locked(top_up.workspace_id)
    if Entry.objects.for_workspace(top_up.workspace_id).filter(kind=EntryKind.DISPUTE, external_id=number).exists():
        return
    # First, or the entry itself would set the next payment going.
    account.auto_code = DISPUTED
    account.save(update_fields=["auto_code"])
    entry = _take(top_up, EntryKind.DISPUTE, cents, number, "Disputed at the bank")
    if entry:
        told = {"amount": dollars(-entry.amount_cents), "balance": dollars(entry.balance_cents)}
        record("billing.disputed", workspace_id=top_up.workspace_id, data=told)


@transaction.atomic
def _undo(top_up: TopUp, kind: str, undone: str, number: str, about: str) -> None:
    """What was taken comes back; nothing where nothing was."""
    locked(top_up.workspace_id)
    taken = Entry.objects.for_workspace(top_up.workspace_id).filter(kind=kind, external_id=number).first()
    if taken:
        _post(top_up, undone, -taken.amount_cents, number, about)


def _post(top_up: TopUp, kind: str, cents: int, number: str, about: str) -> Entry | None:
    return post(top_up.workspace_id, kind=kind, cents=cents, external_id=number, about=about, top_up_id=top_up.pk)
