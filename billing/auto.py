"""Automatic top-ups: when one begins, and what a refusal of the card does to the next."""

from datetime import timedelta
from typing import Literal

from django.conf import settings
from django.db import IntegrityError, transaction

from billing.models import Account, Depth, TopUp
from billing.prices import is_on, minimum_cents
from config.lib import clock, jobs

KIND = "top_up"
A_DAY = 3
MOST_DECLINES = 2
DISPUTED, GIVEN_BACK = "payment_disputed", "money_given_back"
PAUSE = timedelta(days=1)


# `no`: the card is not charged by itself, or need not be. `paused`: not yet again, after a refusal or the day's last.
type Answer = Literal["no", "under_way", "paused"]


def start_if_low(account: Account) -> Answer:
    """Inside the lock of `account`: one at a time, and only after a person has paid once by hand. Repeatable."""
    if not _is_wished(account):
        return "no"
    rows = TopUp.objects.for_workspace(account.workspace_id).filter(mode=TopUp.Mode.AUTO)
    if rows.filter(state__in=TopUp.OPEN_STATES).exists():
        return "under_way"
    now = clock.now()
    is_refused = account.auto_after is not None and account.auto_after > now
    if is_refused or rows.filter(created_at__gt=now - timedelta(days=1)).count() >= A_DAY:
        return "paused"
    _start(account)
    return "under_way"


def _start(account: Account) -> None:
    top_up = TopUp(
        workspace_id=account.workspace_id,
        mode=TopUp.Mode.AUTO,
        amount_cents=account.auto_amount_cents,
        requested_by=settings.SITE_NAME,
        run_after=clock.now(),
    )
    try:
        with transaction.atomic():
            top_up.save(force_insert=True)
    except IntegrityError:
        return  # One that had ended was made due again at this very moment.
    jobs.ring(KIND)


def _is_wished(account: Account) -> bool:
    is_ready = account.auto_is_on and account.has_card and account.topped_up_at is not None and not account.auto_code
    return is_on() and is_ready and is_at_threshold(account) and account.workspace.closing_at is None


def is_at_threshold(account: Account) -> bool:
    """Below the minimum the balance falls no further: a threshold that was set before the minimum rose is raised."""
    return account.available_cents <= max(account.auto_threshold_cents, minimum_cents())


def note_decline(account: Account, code: str, *, is_final: bool) -> None:
    """On a locked account: the next try comes a day later; after two refusals, or a final one, a person has to act."""
    account.declines += 1
    account.auto_after = clock.now() + PAUSE
    if is_final or account.declines >= MOST_DECLINES:
        account.auto_code = code
    account.save(update_fields=["declines", "auto_after", "auto_code"])


def forget_declines(account: Account, *, also_dispute: bool = False) -> None:
    """On a locked account, after a payment that went through, another card, or turning on anew.

    A dispute is settled by a payment by hand or by winning it: until then the bank would take back the next one, too.
    """
    account.declines, account.auto_after = 0, None
    if also_dispute or account.auto_code != DISPUTED:
        account.auto_code = ""
    account.save(update_fields=["declines", "auto_after", "auto_code"])


def stop_auto(account: Account, code: str) -> None:
    """On a locked account: a person has to act before the card is charged by itself again."""
    account.auto_code = code
    account.save(update_fields=["auto_code"])


def retry_waiting() -> bool:
    """A chore: accounts that are low and were held back by the day's limit or a refusal. A bounded piece."""
    rows = Account.unscoped.filter(auto_is_on=True, auto_code="", workspace__closing_at=None)
    rows = rows.exclude(depth=Depth.ENOUGH)
    for key in rows.order_by("created_at").values_list("pk", flat=True)[:500]:
        with transaction.atomic():
            account = Account.unscoped.select_for_update().filter(pk=key).first()
            if account:
                start_if_low(account)
    return False
