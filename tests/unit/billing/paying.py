"""What the tests about money do again and again."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.test import Client

from accounts.models import Workspace
from auditlog.events import Actor
from billing.ledger import account_of, post
from billing.messages import find_lost
from billing.models import Account, Entry, EntryKind, OldCard, StripeEvent, TopUp
from billing.wishes import add_funds
from config.lib import clock, jobs
from tests.servers.stripe_api import GOOD, Stripe, signed

ANN = Actor("user", label="ann@example.org")


@dataclass
class AnyRun:
    workspace_id: uuid.UUID
    billed_as: str = "d:t"
    billed_for: str = "Deployment to web1"
    pk: uuid.UUID = field(default_factory=uuid.uuid4)
    domain_id: uuid.UUID = field(default_factory=uuid.uuid4)


def work() -> None:
    """The workers until nothing is due any more."""
    while sum(jobs.run_due(kind) for kind in ("stripe_event", "top_up", "old_card")):
        continue


def look_for_lost() -> None:
    """The chore, as often as it says that more is left."""
    while find_lost():
        continue


def work_all() -> None:
    """As after some time: what is due later is due now, and dead workers' leases have run out."""
    for model in (TopUp, StripeEvent, OldCard):
        rows = jobs.rows_of(model)
        rows.exclude(run_after=None).update(run_after=clock.now())
        rows.exclude(lease_until=None).update(lease_until=clock.now() - timedelta(seconds=1))
    work()


def give(workspace: Workspace, cents: int) -> Account:
    """What is negative is spent, as by a deployment."""
    kind = EntryKind.ADJUSTMENT if cents > 0 else EntryKind.CHARGE
    post(workspace.pk, kind=kind, cents=cents, external_id=str(uuid.uuid4()))
    return account_of(workspace.pk)


def top_up(there: Stripe, workspace: Workspace, cents: int = 2500, last4: str = GOOD) -> TopUp:
    """By hand, paid at Stripe's page, heard of by looking."""
    row = add_funds(workspace=workspace, cents=cents, actor=ANN)
    work()
    row.refresh_from_db()
    there.pay(row.session, last4)
    work_all()
    row.refresh_from_db()
    return row


def auto_on(workspace: Workspace, *, threshold: int = 500, amount: int = 2000) -> Account:
    Account.unscoped.filter(workspace=workspace).update(
        auto_is_on=True, auto_threshold_cents=threshold, auto_amount_cents=amount
    )
    return account_of(workspace.pk)


def use_card(there: Stripe, workspace: Workspace, last4: str) -> None:
    account = account_of(workspace.pk)
    Account.unscoped.filter(pk=account.pk).update(payment_method=there.card(account.customer, last4)["id"])


def balance(workspace: Workspace) -> int:
    """The account's, which has to be the sum of its entries."""
    account = account_of(workspace.pk)
    told = sum(Entry.objects.for_workspace(workspace).values_list("amount_cents", flat=True))
    assert account.balance_cents == told
    return told


def post_event(event: dict[str, Any], **more: object) -> int:
    """As Stripe posts it, signed; the status of the answer."""
    body, header = signed(event, **more)  # type: ignore[arg-type]
    answer = Client().post(
        "/billing/webhook", body, content_type="application/json", headers={"Stripe-Signature": header}
    )
    return answer.status_code
