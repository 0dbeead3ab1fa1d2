"""The only writer of a balance: an entry is appended and the account changed under its row lock, or neither."""

import uuid
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from auditlog.events import record
from billing.auto import start_if_low
from billing.models import Account, Entry
from billing.prices import minimum_cents
from config.lib.money import dollars
from config.lib.registry import Registry

# Who waits for a balance: called inside the transaction in which it is enough again. Rooms above add theirs.
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
    was_enough = is_enough(account)
    account.balance_cents += cents
    facts = {"amount_cents": cents, "balance_cents": account.balance_cents, "external_id": external_id}
    entry = Entry(workspace_id=workspace_id, kind=kind, **facts, **told)
    entry.save(force_insert=True)
    account.save(update_fields=["balance_cents"])
    note_change(account)
    if is_enough(account) and not was_enough:
        for follower in replenished:
            follower(workspace_id)
    return entry


def is_enough(account: Account) -> bool:
    """Whether automation goes on."""
    return account.balance_cents >= minimum_cents()


def is_low(account: Account) -> bool:
    at_threshold = account.auto_is_on and account.available_cents <= account.auto_threshold_cents
    return not is_enough(account) or at_threshold


def note_change(account: Account) -> None:
    """After any change to a locked account: told once for each fall, and topped up where that is wished."""
    low = is_low(account)
    if low != account.is_low:
        account.is_low = low
        account.save(update_fields=["is_low"])
        if low:
            _tell_low(account)
    start_if_low(account)


def _tell_low(account: Account) -> None:
    told = {"balance": dollars(account.balance_cents), "minimum": dollars(minimum_cents()), "next": _what_now(account)}
    record("billing.balance_low", workspace_id=account.workspace_id, data=told)


def _what_now(account: Account) -> str:
    if not is_enough(account):
        return "Deployments and renewals wait; watching and alerts go on. Add funds, and what waits goes on by itself."
    if account.auto_code:
        return "Automatic top-ups have stopped, so the card is not charged. Add funds before automation has to wait."
    return "The saved card is charged next, as set in Settings, Billing."
