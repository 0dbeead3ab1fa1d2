"""The saved card, as far as people see it: its brand and last four digits. The card itself is Stripe's to keep."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from billing.ledger import locked
from billing.models import Account, OldCard
from config.lib import clock, jobs

OLD_CARD = "old_card"


def keep_card(account: Account, method: Mapping[str, Any]) -> None:
    """On a locked account; the one before is forgotten. Repeatable."""
    card = method.get("card") or {}
    month, year = card.get("exp_month"), card.get("exp_year")
    before = account.payment_method
    account.payment_method = str(method.get("id", ""))[:64]
    account.card_brand = str(card.get("brand") or "card")[:32]
    account.card_last4 = str(card.get("last4") or "")[:4]
    account.card_expires = f"{int(month):02d}/{int(year)}" if month and year else ""
    account.card_changed_at = clock.now()
    account.save(update_fields=["payment_method", "card_brand", "card_last4", "card_expires", "card_changed_at"])
    if before and before != account.payment_method:
        forget_card(account, before)


def clear_card(account: Account) -> None:
    """On a locked account: there is no card any more, so nothing is paid by itself."""
    account.payment_method = account.card_brand = account.card_last4 = account.card_expires = ""
    account.auto_is_on, account.card_changed_at = False, clock.now()
    account.save(
        update_fields=["payment_method", "card_brand", "card_last4", "card_expires", "auto_is_on", "card_changed_at"]
    )


@transaction.atomic
def lose_customer(customer: str) -> None:
    """It is gone at Stripe, so the next payment makes another. Repeatable."""
    account = Account.unscoped.filter(customer=customer).exclude(customer="").first()
    if account:
        row = locked(account.workspace_id)
        clear_card(row)
        Account.unscoped.filter(pk=row.pk, customer=customer).update(customer="")


def in_words(account: Account) -> str:
    return f"{account.card_brand.capitalize()} ending in {account.card_last4}"


def forget_card(account: Account, method: str) -> None:
    """Inside a transaction; Stripe is told by a worker."""
    OldCard.objects.create(workspace_id=account.workspace_id, payment_method=method, run_after=clock.now())
    jobs.ring(OLD_CARD)
