"""The saved card, as far as people see it: its brand and last four digits. The card itself is Stripe's to keep."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.db import transaction

from auditlog.events import Actor, record
from billing import stripe_api
from billing.ledger import locked
from billing.models import Account, OldCard
from config.lib import clock, jobs
from config.lib.errors import ExpectedError

KIND = "old_card"


def keep_card(account: Account, method: Mapping[str, Any]) -> None:
    """On a locked account; the one before is forgotten. Repeatable."""
    card = method.get("card") or {}
    month, year = card.get("exp_month"), card.get("exp_year")
    before = account.payment_method
    account.payment_method = str(method.get("id", ""))[:64]
    account.card_brand = str(card.get("brand") or "card")[:32]
    account.card_last4 = str(card.get("last4") or "")[:4]
    account.card_expires = f"{int(month):02d}/{int(year)}" if month and year else ""
    account.save(update_fields=["payment_method", "card_brand", "card_last4", "card_expires"])
    if before and before != account.payment_method:
        _forget(account, before)


@transaction.atomic
def remove_card(*, account: Account, actor: Actor) -> None:
    """At once here; a worker tells Stripe. Automatic top-ups end with it. Repeatable."""
    row = locked(account.workspace_id)
    if not row.has_card:
        return
    told = {"card": in_words(row)}
    _forget(row, row.payment_method)
    clear_card(row)
    record("billing.card_removed", workspace_id=row.workspace_id, actor=actor, data=told)


def clear_card(account: Account) -> None:
    """On a locked account: there is no card any more, so nothing is paid by itself."""
    account.payment_method = account.card_brand = account.card_last4 = account.card_expires = ""
    account.auto_is_on = False
    account.save(update_fields=["payment_method", "card_brand", "card_last4", "card_expires", "auto_is_on"])


def in_words(account: Account) -> str:
    return f"{account.card_brand.capitalize()} ending in {account.card_last4}"


def _forget(account: Account, method: str) -> None:
    OldCard.objects.create(workspace_id=account.workspace_id, payment_method=method, run_after=clock.now())
    jobs.ring(KIND)


def forget_old_cards(batch: Sequence[OldCard]) -> None:
    for card in batch:
        card.renew_lease(2 * stripe_api.SECONDS)
        stripe_api.forget_card(card.payment_method)
        card.finish(run_after=None, also=partial(_drop, card))


def _drop(card: OldCard) -> None:
    card.delete()


def give_up(card: OldCard, error: ExpectedError) -> None:
    """The row stays as evidence; with the customer the card goes too."""
    card.finish(error_code=error.code, error_params=jobs.storable(error.params))
