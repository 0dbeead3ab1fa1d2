"""The only writer of a balance: an entry is appended and the account changed under its row lock, or neither."""

import uuid
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from auditlog.events import record
from billing.auto import GIVEN_BACK, Answer, is_at_threshold, start_if_low, stop_auto
from billing.models import Account, Depth, Entry, EntryKind
from billing.prices import minimum_cents
from config.lib.money import dollars
from config.lib.registry import Registry

_GIVEN_BACK = (EntryKind.REFUND, EntryKind.ADJUSTMENT)
# Who waits for a balance: called inside the transaction in which more became available. Rooms above add theirs.
replenished: Registry[Callable[[uuid.UUID], None]] = Registry("waiting for a balance")


def account_of(workspace_id: uuid.UUID) -> Account:
    """The workspace's; it is made with the first thing that costs. Repeatable."""
    return Account.objects.for_workspace(workspace_id).first() or _made(workspace_id)


def _made(workspace_id: uuid.UUID) -> Account:
    """Two at once make one: the constraint says so."""
    try:
        with transaction.atomic():
            return Account.objects.create(workspace_id=workspace_id)
    except IntegrityError:
        return Account.objects.for_workspace(workspace_id).get()


def locked(workspace_id: uuid.UUID) -> Account:
    """Inside a transaction: nobody else changes the balance until its end. Never ask Stripe meanwhile."""
    account_of(workspace_id)
    return Account.objects.for_workspace(workspace_id).select_for_update().get()


@transaction.atomic
def post(workspace_id: uuid.UUID, *, kind: str, cents: int, external_id: str, **told: Any) -> Entry | None:
    """Append an entry; None when it is there already. Repeatable: (kind, external_id) happens once."""
    account = locked(workspace_id)
    if Entry.unscoped.filter(kind=kind, external_id=external_id).exists():
        return None
    account.balance_cents += cents
    facts = {"amount_cents": cents, "balance_cents": account.balance_cents, "external_id": external_id}
    entry = Entry(workspace_id=workspace_id, kind=kind, **facts, **told)
    entry.save(force_insert=True)
    account.save(update_fields=["balance_cents"])
    if kind in _GIVEN_BACK and cents < 0 and is_at_threshold(account) and account.auto_is_on and not account.auto_code:
        stop_auto(account, GIVEN_BACK)  # Else the card would pay at once what was just given back.
    note_change(account)
    if cents > 0:
        wake_waiting(account)
    return entry


def wake_waiting(account: Account) -> None:
    """After more has become available: whoever waits asks the gate again. Cheap where nobody does."""
    if is_enough(account):
        for follower in replenished:
            follower(account.workspace_id)


def is_enough(account: Account) -> bool:
    """Whether automation goes on."""
    return account.balance_cents >= minimum_cents()


def depth_of(account: Account) -> Depth:
    if not is_enough(account):
        return Depth.UNDER_MINIMUM
    return Depth.AT_THRESHOLD if account.auto_is_on and is_at_threshold(account) else Depth.ENOUGH


def note_change(account: Account) -> None:
    """After any change to a locked account: topped up where that is wished, and each step down told once."""
    before, depth = account.depth, depth_of(account)
    if depth != before:
        account.depth = depth
        account.save(update_fields=["depth"])
    topping = start_if_low(account)
    if depth > before:
        told = {"balance": dollars(account.balance_cents), "minimum": dollars(minimum_cents())}
        told["next"] = _what_now(account, topping)
        record("billing.balance_low", workspace_id=account.workspace_id, data=told)


def _what_now(account: Account, topping: Answer) -> str:
    waits = "" if is_enough(account) else "Deployments and renewals wait until then; watching and alerts go on. "
    if topping == "under_way":
        return f"The saved card is being charged {dollars(account.auto_amount_cents)}. {waits}".strip()
    if topping == "paused":
        return f"The card is charged again within a day, as automatic top-ups pause now. {waits}Or add funds by hand."
    stopped = "Automatic top-ups have stopped, so the card is not charged. " if account.auto_code else ""
    return f"{stopped}Add funds. {waits}".strip()
