"""The gate that every run which may cost something passes before it touches anything, and the till after it."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from django.conf import settings
from django.db import transaction

from billing.ledger import account_of, locked, note_change, post, wake_waiting
from billing.models import Account, Charge, EntryKind
from billing.prices import is_on, minimum_cents, price_of
from config.lib import clock
from config.lib.errors import NeedsUser
from config.lib.money import dollars

type Answer = Literal["free", "held", "refused"]
UNPAID = "balance_too_low"
# A site would go down for some cents: what is served ends within three days, or a tenth of its life.
LATE_DAYS = timedelta(days=3)


class Run(Protocol):
    """What the gate wants to know of a run: who pays, which one it is, and as what it is paid only once."""

    @property
    def pk(self) -> uuid.UUID: ...

    @property
    def workspace_id(self) -> uuid.UUID: ...

    @property
    def billed_as(self) -> str: ...

    @property
    def billed_for(self) -> str: ...

    @property
    def domain_id(self) -> uuid.UUID: ...


@dataclass(frozen=True)
class Gate:
    """`free`: nothing is charged. `held`: `cents` are set aside until the run has ended.
    `refused`: the balance is too low, `missing_cents` would do."""

    answer: Answer
    cents: int = 0
    missing_cents: int = 0

    @property
    def is_open(self) -> bool:
        return self.answer != "refused"


@transaction.atomic
def gate(run: Run, work: str, *, is_late: bool = False, is_begun: bool = False) -> Gate:
    """May this run go on? Sets its price aside. The same run gets the same answer, however often it asks.

    `is_late`: a site would go down without it; then it is done on credit, where the operator allows that.
    `is_begun`: half of it is done on somebody's server, so the rest is done whatever the balance.
    """
    if not is_on():
        return Gate("free")
    account = locked(run.workspace_id)
    charge = Charge.objects.for_workspace(run.workspace_id).filter(subject=run.billed_as).first()
    if charge and charge.state == Charge.State.CAPTURED:
        return Gate("free")
    if charge and charge.state == Charge.State.HELD:
        return Gate("held", charge.cents)
    cents = price_of(work)
    missing = _missing(account, cents)
    is_mercy = bool(missing) and (is_begun or _is_merciful(is_late=is_late))
    if missing and not is_mercy:
        note_change(account)
        return Gate("refused", missing_cents=missing)
    _hold(account, charge or Charge(workspace_id=run.workspace_id, subject=run.billed_as), run, work, cents, is_mercy)
    return Gate("held", cents)


def _missing(account: Account, cents: int) -> int:
    """0 where the minimum is there, and the price beside all that is set aside already."""
    return max(minimum_cents() - account.balance_cents, cents - account.available_cents, 0)


def _hold(account: Account, charge: Charge, run: Run, work: str, cents: int, is_mercy: bool) -> None:
    charge.work, charge.cents, charge.state, charge.is_mercy = work, cents, Charge.State.HELD, is_mercy
    charge.run_id, charge.domain_id, charge.about, charge.ended_at = run.pk, run.domain_id, run.billed_for[:300], None
    charge.created_at = clock.now()
    charge.save()
    account.held_cents += cents
    account.save(update_fields=["held_cents"])


@transaction.atomic
def settle(run: Run, *, did_its_work: bool) -> None:
    """Take what was set aside for the run, or give it back. Repeatable; inside the transaction that ends the run."""
    if not Charge.objects.for_workspace(run.workspace_id).filter(run_id=run.pk, state=Charge.State.HELD).exists():
        return
    account = locked(run.workspace_id)
    for charge in Charge.objects.for_workspace(run.workspace_id).filter(run_id=run.pk, state=Charge.State.HELD):
        _settle(account, charge, is_taken=did_its_work)


def _settle(account: Account, charge: Charge, *, is_taken: bool) -> None:
    """On a locked account. A price of nothing leaves no entry."""
    charge.state = Charge.State.CAPTURED if is_taken else Charge.State.RELEASED
    charge.ended_at = clock.now()
    charge.save(update_fields=["state", "ended_at"])
    account.held_cents -= charge.cents
    account.save(update_fields=["held_cents"])
    if is_taken and charge.cents:
        post(
            account.workspace_id,
            kind=EntryKind.CHARGE,
            cents=-charge.cents,
            external_id=str(charge.pk),
            about=charge.about,
            domain_id=charge.domain_id,
        )
    else:
        note_change(account)
        wake_waiting(account)


@transaction.atomic
def release_stale(charge_id: uuid.UUID) -> None:
    """What was set aside for a run that is gone. Repeatable."""
    found = Charge.unscoped.filter(pk=charge_id).first()
    if found is None:
        return
    account = locked(found.workspace_id)
    charge = Charge.unscoped.filter(pk=charge_id, state=Charge.State.HELD).first()
    if charge:
        _settle(account, charge, is_taken=False)


def held_since(age: timedelta) -> list[Charge]:
    """What has been set aside for longer than `age`, the oldest first; a bounded number."""
    rows = Charge.unscoped.filter(state=Charge.State.HELD, created_at__lt=clock.now() - age)
    return list(rows.order_by("created_at")[:500])


def ends_soon(not_before: datetime, not_after: datetime) -> bool:
    """Whether a certificate has so little of its life left that its successor does not wait for a balance."""
    return not_after < clock.now() + min(LATE_DAYS, (not_after - not_before) / 10)


def require_balance(workspace_id: uuid.UUID, work: str, *, is_late: bool = False) -> None:
    """Before something is begun by hand; the gate itself decides when it runs. Raises NeedsUser `balance_too_low`."""
    if not is_on() or _is_merciful(is_late=is_late):
        return
    missing = _missing(account_of(workspace_id), price_of(work))
    if missing:
        raise too_low(missing)


def _is_merciful(*, is_late: bool) -> bool:
    return is_late and settings.BILLING_RENEW_WHEN_LATE


def too_low(missing_cents: int) -> NeedsUser:
    return NeedsUser(
        UNPAID,
        missing=dollars(missing_cents),
        minimum=dollars(minimum_cents()),
        missing_cents=missing_cents,
    )
