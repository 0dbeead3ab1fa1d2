"""What Stripe tells us: kept by its id before it is acted on, and never believed. It only says where to look."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.chores import forget_some
from billing import stripe_api
from billing.cards import clear_card, keep_card, lose_customer
from billing.ledger import locked
from billing.models import Account, Look, StripeEvent, TopUp
from billing.prices import is_on
from billing.taking_back import take_back
from billing.wishes import look_again
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Permanent, Transient

KIND = "stripe_event"
# A payment that was taken back and never credited here in this time is none of ours.
PENDING_FOR = timedelta(days=3)
# Stripe keeps what it said for thirty days.
LOOK_BACK = timedelta(days=29)
OVERLAP = timedelta(hours=1)
A_LOOK = timedelta(days=1)
KEPT_FOR = timedelta(days=90)

PAYMENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.canceled",
)
REFUNDS = ("charge.refunded", "refund.created", "refund.updated", "refund.failed")
DISPUTES = (
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
CARDS = (
    "payment_method.detached",
    "payment_method.automatically_updated",
    "payment_method.updated",
    "customer.deleted",
)
KINDS = (*PAYMENTS, *REFUNDS, *DISPUTES, *CARDS)


def keep(events: Iterable[Mapping[str, Any]]) -> None:
    """Those that are new, ours and of a kind that we act on. Repeatable: the id keeps the first."""
    rows = [row for event in events if (row := _row(event))]
    known = set(
        StripeEvent.objects.filter(event_id__in=[row.event_id for row in rows]).values_list("event_id", flat=True)
    )
    fresh = [row for row in rows if row.event_id not in known]
    with transaction.atomic():
        StripeEvent.objects.bulk_create(fresh, ignore_conflicts=True)
        if fresh:
            jobs.ring(KIND)


def _row(event: Mapping[str, Any]) -> StripeEvent | None:
    if event.get("type") not in KINDS or bool(event.get("livemode")) != stripe_api.is_live():
        return None
    data = event.get("data")
    told = data.get("object") if isinstance(data, Mapping) else None
    moment = _moment(event.get("created"))
    if not isinstance(told, Mapping) or moment is None:
        return None
    metadata = told.get("metadata")
    return StripeEvent(
        event_id=_plain(event.get("id"), 80),
        kind=str(event["type"]),
        object_id=_plain(told.get("id"), 200),
        payment_intent=_text(told.get("payment_intent")),
        top_up=_text(metadata.get("top_up") if isinstance(metadata, Mapping) else ""),
        happened_at=moment,
        run_after=clock.now(),
    )


def _text(found: Any) -> str:
    return _plain(found.get("id") if isinstance(found, Mapping) else found, 64)


def _plain(found: Any, most: int) -> str:
    """What a database takes: no NUL, no half of a surrogate pair."""
    return str(found or "").replace("\0", "").encode("utf-8", "ignore").decode()[:most]


def _moment(found: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(found, UTC) if isinstance(found, int) else None
    except (OverflowError, OSError, ValueError):
        return None


def work_events(batch: Sequence[StripeEvent]) -> None:
    """Look where each points. Repeatable, in any order: what is done hangs on what Stripe says now."""
    for event in batch:
        event.renew_lease(3 * stripe_api.SECONDS)
        try:
            _act(event)
        except Transient as error:
            if error.code == "payment_pending" and clock.now() - event.happened_at > PENDING_FOR:
                raise Permanent("payment_unknown") from error
            raise
        crash_here("billing.event_worked")
        event.finish(worked_at=clock.now(), error_code="")


def _act(event: StripeEvent) -> None:
    if event.kind in PAYMENTS:
        for top_up in _top_ups(event):
            look_again(top_up.pk)
    elif event.kind in (*REFUNDS, *DISPUTES):
        _take_back_once_paid(event.payment_intent)
    elif event.kind in CARDS:
        _refresh_card(event)


def _take_back_once_paid(intent: str) -> None:
    """Messages come in any order: what takes back a payment waits until the payment was credited. Raises Transient."""
    top_up = TopUp.unscoped.filter(payment_intent=intent).first() if intent else None
    if top_up is None and intent:
        mark = (stripe_api.intent_of(intent).get("metadata") or {}).get("top_up", "")
        top_up = next(iter(_marked(str(mark))), None)
    if top_up and top_up.state != TopUp.State.SUCCEEDED:
        look_again(top_up.pk)
        raise Transient("payment_pending")
    take_back(intent)


def _marked(mark: str) -> list[TopUp]:
    try:
        return list(TopUp.unscoped.filter(pk=uuid.UUID(mark)))
    except ValueError:
        return []


def _top_ups(event: StripeEvent) -> list[TopUp]:
    """Ours that the payment or the page belongs to; the mark says so where the row does not know of it yet."""
    intent = event.object_id if event.kind.startswith("payment_intent.") else event.payment_intent
    found = list(TopUp.unscoped.filter(session=event.object_id)) if event.object_id else []
    if intent and not found:
        found = list(TopUp.unscoped.filter(payment_intent=intent))
    return found or _marked(event.top_up)


def _refresh_card(event: StripeEvent) -> None:
    if event.kind == "customer.deleted":
        lose_customer(event.object_id)
        return
    account = Account.unscoped.filter(payment_method=event.object_id).first()
    if account is None:
        return
    try:
        method = stripe_api.card_of(event.object_id)
    except Permanent:
        method = {}
    with transaction.atomic():
        row = locked(account.workspace_id)
        if row.payment_method != event.object_id:
            return
        if method.get("customer"):
            keep_card(row, method)
        else:
            clear_card(row)


def give_up(event: StripeEvent, error: ExpectedError) -> None:
    """The row stays as evidence; what it was about is looked at by itself, too."""
    event.finish(error_code=error.code, error_params=jobs.storable(error.params))


def find_lost() -> bool:
    """A chore: what Stripe said and no webhook brought; a day of it, from where the last look ended.

    The mark moves after a whole look only, so that neither an outage nor a key that was set later loses anything.
    """
    if not is_on():
        return False
    now = clock.now()
    look = Look.objects.first() or Look(until=now - LOOK_BACK)
    start = max(look.until - OVERLAP, now - LOOK_BACK)
    end = min(start + A_LOOK, now)
    _keep_between(start, end)
    look.until = end
    look.save()
    return end < now


def _keep_between(start: datetime, end: datetime) -> None:
    after, has_more = "", True
    while has_more:
        page, has_more = stripe_api.events_between(start, end, list(KINDS), after)
        keep(page)
        after = str(page[-1]["id"]) if page else ""
        has_more = has_more and bool(page)


def forget_old() -> bool:
    """A chore: messages that were worked long ago. A bounded piece."""
    rows = StripeEvent.objects.filter(happened_at__lt=clock.now() - KEPT_FOR, run_after=None)
    return forget_some(rows)
