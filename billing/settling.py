"""What an admin decides about payments."""

from django.db import transaction

from accounts.models import Workspace
from auditlog.events import Actor, record
from billing.auto import forget_declines, start_if_low
from billing.ledger import locked
from billing.models import Account, TopUp
from config.lib.errors import NeedsUser
from config.lib.money import dollars


@transaction.atomic
def change_auto(*, workspace: Workspace, is_on: bool, threshold_cents: int, amount_cents: int, actor: Actor) -> Account:
    """Turned on anew it forgets refusals, and tops up at once where the balance is low.

    Raises NeedsUser `auto_needs_top_up`: nobody's card is charged by itself who has not paid by hand before.
    """
    account = locked(workspace.pk)
    if is_on and not (account.topped_up_at and account.has_card):
        raise NeedsUser("auto_needs_top_up")
    account.auto_is_on = is_on
    account.auto_threshold_cents, account.auto_amount_cents = threshold_cents, amount_cents
    account.save(update_fields=["auto_is_on", "auto_threshold_cents", "auto_amount_cents"])
    told = {
        "state": "on" if is_on else "off",
        "threshold": dollars(threshold_cents),
        "amount": dollars(amount_cents),
    }
    record("billing.auto_changed", workspace_id=workspace.pk, actor=actor, data=told)
    if is_on:
        forget_declines(account)
        start_if_low(account)
    return account


def open_top_up(workspace: Workspace, mode: str) -> TopUp | None:
    """One that a person has begun and not ended."""
    rows = TopUp.objects.for_workspace(workspace).filter(mode=mode, state__in=TopUp.OPEN_STATES)
    return rows.order_by("-created_at").first()
