"""What people ask for: funds, another card, automatic top-ups. Written down; workers ask Stripe."""

import uuid

from django.db import transaction

from accounts.models import Workspace
from auditlog.events import Actor, record
from billing.auto import KIND, forget_declines
from billing.cards import clear_card, forget_card, in_words
from billing.ledger import locked, note_change
from billing.models import TopUp
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from config.lib.money import dollars

MOST_OPEN = 5


def add_funds(*, workspace: Workspace, cents: int, actor: Actor) -> TopUp:
    """The same open payment for the same amount again; `url` is where it is paid, once a worker has asked for it.

    Raises NeedsUser `top_ups_open`.
    """
    unfinished = _unfinished(workspace, TopUp.Mode.MANUAL)
    known = next((one for one in unfinished if one.amount_cents == cents), None)
    if known:
        return known
    if len(unfinished) >= MOST_OPEN:
        raise NeedsUser("top_ups_open", limit=MOST_OPEN)
    top_up = _begin(workspace, TopUp.Mode.MANUAL, cents, actor)
    record("billing.top_up_started", workspace_id=workspace.pk, actor=actor, data={"amount": dollars(cents)})
    return top_up


def save_another_card(*, workspace: Workspace, actor: Actor) -> TopUp:
    """The same way without money."""
    known = next(iter(_unfinished(workspace, TopUp.Mode.CARD)), None)
    return known or _begin(workspace, TopUp.Mode.CARD, 0, actor)


def _unfinished(workspace: Workspace, mode: str) -> list[TopUp]:
    rows = TopUp.objects.for_workspace(workspace).filter(mode=mode, state__in=TopUp.OPEN_STATES)
    return list(rows.order_by("-created_at")[:MOST_OPEN])


def _begin(workspace: Workspace, mode: str, cents: int, actor: Actor) -> TopUp:
    top_up = TopUp.objects.create(
        workspace=workspace,
        mode=mode,
        amount_cents=cents,
        requested_by=actor.label[:254],
        run_after=clock.now(),
        priority=jobs.INTERACTIVE,
    )
    jobs.ring(KIND, interactive=True)
    return top_up


def abandon(*, top_up: TopUp) -> None:
    """`Do not pay`: over at once; a worker closes the page at Stripe. What was paid all the same is credited."""
    rows = TopUp.objects.for_workspace(top_up.workspace_id).filter(pk=top_up.pk, state__in=TopUp.OPEN_STATES)
    by_hand = rows.exclude(mode=TopUp.Mode.AUTO)
    now = clock.now()
    if by_hand.update(state=TopUp.State.EXPIRED, ended_at=now, run_after=now, priority=jobs.INTERACTIVE):
        jobs.ring(KIND, interactive=True)


def look_again(top_up_id: uuid.UUID) -> None:
    """Make it due, also one that had ended without a payment: a payment that came late is one. Cheap, repeatable."""
    asked = TopUp.unscoped.exclude(session="", payment_intent="", called_at=None)
    rows = asked.filter(pk=top_up_id).exclude(state=TopUp.State.SUCCEEDED)
    if rows.update(run_after=clock.now(), priority=jobs.INTERACTIVE):
        jobs.ring(KIND, interactive=True)


@transaction.atomic
def change_auto(*, workspace: Workspace, is_on: bool, threshold_cents: int, amount_cents: int, actor: Actor) -> None:
    """Turned on anew it forgets refusals, and tops up at once where the balance is low.

    Raises NeedsUser `auto_needs_top_up`: nobody's card is charged by itself who has not paid by hand before.
    """
    account = locked(workspace.pk)
    if is_on and not (account.topped_up_at and account.has_card):
        raise NeedsUser("auto_needs_top_up")
    account.auto_is_on = is_on
    account.auto_threshold_cents, account.auto_amount_cents = threshold_cents, amount_cents
    account.save(update_fields=["auto_is_on", "auto_threshold_cents", "auto_amount_cents"])
    told = {"threshold": dollars(threshold_cents), "amount": dollars(amount_cents)}
    record(f"billing.auto_{'on' if is_on else 'off'}", workspace_id=workspace.pk, actor=actor, data=told)
    if is_on:
        forget_declines(account)
    note_change(account)


@transaction.atomic
def remove_card(*, workspace: Workspace, actor: Actor) -> None:
    """At once here; a worker tells Stripe. Automatic top-ups end with it. Repeatable."""
    account = locked(workspace.pk)
    if not account.has_card:
        return
    told = {"card": in_words(account)}
    forget_card(account, account.payment_method)
    clear_card(account)
    record("billing.card_removed", workspace_id=workspace.pk, actor=actor, data=told)
