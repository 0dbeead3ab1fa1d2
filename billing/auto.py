"""Automatic top-ups: when one begins, and what a refusal of the card does to the next."""

from datetime import timedelta

from django.db import IntegrityError, transaction

from billing.models import Account, TopUp
from billing.prices import is_on
from config.lib import clock, jobs

KIND = "top_up"
A_DAY = 3
MOST_DECLINES = 2
PAUSE = timedelta(days=1)


def start_if_low(account: Account) -> TopUp | None:
    """Inside the lock of `account`: one at a time, and only after a person has paid once by hand. Repeatable."""
    if not _is_wished(account) or _is_held_back(account):
        return None
    top_up = TopUp(
        workspace_id=account.workspace_id,
        mode=TopUp.Mode.AUTO,
        amount_cents=account.auto_amount_cents,
        requested_by="ManageMyCert",
        run_after=clock.now(),
    )
    try:
        with transaction.atomic():
            top_up.save(force_insert=True)
    except IntegrityError:
        return None
    jobs.ring(KIND)
    return top_up


def _is_wished(account: Account) -> bool:
    is_ready = account.auto_is_on and account.has_card and account.topped_up_at is not None and not account.auto_code
    is_low = is_on() and is_ready and account.available_cents <= account.auto_threshold_cents
    return is_low and account.workspace.closing_at is None


def _is_held_back(account: Account) -> bool:
    now = clock.now()
    if account.auto_after and account.auto_after > now:
        return True
    rows = TopUp.objects.for_workspace(account.workspace_id).filter(mode=TopUp.Mode.AUTO)
    if rows.filter(state__in=TopUp.OPEN_STATES).exists():
        return True
    return rows.filter(created_at__gt=now - timedelta(days=1)).count() >= A_DAY


def note_decline(account: Account, code: str, *, is_final: bool) -> None:
    """On a locked account: the next try comes a day later; after two refusals, or a final one, a person has to act."""
    account.declines += 1
    account.auto_after = clock.now() + PAUSE
    if is_final or account.declines >= MOST_DECLINES:
        account.auto_code = code
    account.save(update_fields=["declines", "auto_after", "auto_code"])


def forget_declines(account: Account) -> None:
    """On a locked account, after a payment that went through."""
    account.declines, account.auto_after, account.auto_code = 0, None, ""
    account.save(update_fields=["declines", "auto_after", "auto_code"])


def retry_waiting() -> bool:
    """A chore: accounts that are low and were held back by the day's limit or a refusal. A bounded piece."""
    rows = Account.unscoped.filter(auto_is_on=True, auto_code="", is_low=True, workspace__closing_at=None)
    for key in rows.order_by("created_at").values_list("pk", flat=True)[:500]:
        with transaction.atomic():
            account = Account.unscoped.select_for_update().filter(pk=key).first()
            if account:
                start_if_low(account)
    return False
