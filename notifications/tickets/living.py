"""One message through a kind that keeps tickets: what it is to its ticket."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from config.lib import clock
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError
from notifications.gateways.json_api import TicketGone
from notifications.gateways.kind import NotYet, Opened, Sending, Ticketing
from notifications.models import Delivery, Ticket

# Said when the cause has ended.
CLOSED = "incident.closed"
# Nobody has to do anything about these: they open no ticket.
GOOD_NEWS = frozenset({"renewal.succeeded", "site.up"})
# Longer than any attempt: whoever wrote the row down and stored no ref by then is dead.
OPENING = timedelta(minutes=2)
NOTHING_OPEN = "Nothing is open about it."
IS_OVER = "Nothing was opened: it had ended by then."


def send_ticket(delivery: Delivery, ticketing: Ticketing, sending: Sending) -> str:
    """What the other side said. Blocks; raises NotYet, and what the kind's functions raise."""
    if sending.is_test:
        return _try(ticketing, sending)
    ticket = _open_ticket(delivery, sending.message.dedup_key)
    if sending.message.type == CLOSED:
        return _resolve(ticketing, sending, ticket)
    if ticket and ticket.ref:
        try:
            return ticketing.update(sending, ticket.ref)
        except TicketGone:
            # Somebody deleted it there while its cause goes on: it gets a successor.
            _settle(ticket)
            ticket = None
    if sending.message.type in GOOD_NEWS:
        return NOTHING_OPEN
    ticket = _claimed(delivery, sending, ticket)
    return _open(ticketing, sending, ticket) if ticket else IS_OVER


def _try(ticketing: Ticketing, sending: Sending) -> str:
    """Open and close again, so that nothing of a test stays behind."""
    opened = _found_or_opened(ticketing, sending)
    try:
        closed = f"Closed again: {ticketing.resolve(sending, opened.ref)}"
    except ExpectedError as error:
        closed = f"It is still open, since closing it failed: {error.params.get('answer', error.code)}"
    return " ".join(filter(None, [opened.answer, opened.url, closed]))


def _open_ticket(delivery: Delivery, thread: str) -> Ticket | None:
    rows = Ticket.objects.for_workspace(delivery.workspace_id)
    return rows.filter(gateway=delivery.gateway_id, thread=thread, resolved_at=None).first()


def _claimed(delivery: Delivery, sending: Sending, noted: Ticket | None) -> Ticket | None:
    """The row that this message may open a ticket for; None when its cause has ended. Raises NotYet."""
    if noted is None:
        made = _written_down(delivery, sending)
        # Asked once the row is there: whoever closes has either been seen here or sees the row.
        if not _is_over(delivery):
            return made
        made.delete()
        return None
    if _is_over(delivery):
        # An attempt may have arrived: the message that closes looks for it.
        return None
    _take_over(delivery, noted)
    return noted


def _is_over(delivery: Delivery) -> bool:
    """Whether its cause has ended since: a message says so that is younger than what this one tells."""
    rows = Delivery.objects.for_workspace(delivery.workspace_id).filter(
        gateway=delivery.gateway_id,
        event_kind=CLOSED,
        created_at__gt=delivery.created_at,
        message__dedup_key=delivery.message["dedup_key"],
    )
    return any(told_at(row) > told_at(delivery) for row in rows)


def told_at(delivery: Delivery) -> datetime:
    """When what it tells was so; rows are written some time after, and not in order."""
    at = delivery.message.get("data", {}).get("at")
    return datetime.fromisoformat(at) if at else delivery.created_at


def _written_down(delivery: Delivery, sending: Sending) -> Ticket:
    """Before the other side is asked. Raises NotYet when another message does so just now."""
    message = sending.message
    ticket = Ticket(
        workspace_id=delivery.workspace_id,
        gateway=delivery.gateway,
        thread=message.dedup_key,
        about=message.type[:64],
        domain_id=delivery.domain_id,
        opener=delivery.pk,
    )
    try:
        with transaction.atomic():
            ticket.save(force_insert=True)
    except IntegrityError as error:
        raise _being_opened() from error
    crash_here("notify.ticket_noted")
    return ticket


def _take_over(delivery: Delivery, ticket: Ticket) -> None:
    """One that was written down and never got a ref: by this very message, or by one that is dead by now."""
    now = clock.now()
    rows = Ticket.unscoped.filter(pk=ticket.pk, ref="", resolved_at=None)
    if not rows.filter(Q(opener=delivery.pk) | Q(tried_at__lt=now - OPENING)).update(opener=delivery.pk, tried_at=now):
        raise _being_opened()


def _open(ticketing: Ticketing, sending: Sending, ticket: Ticket) -> str:
    opened = _found_or_opened(ticketing, sending)
    crash_here("notify.ticket_opened")
    Ticket.unscoped.filter(pk=ticket.pk).update(ref=opened.ref[:200], url=opened.url[:500], opened_at=clock.now())
    return " ".join(filter(None, [opened.answer, opened.url]))


def _found_or_opened(ticketing: Ticketing, sending: Sending) -> Opened:
    return (ticketing.find(sending) if ticketing.find else None) or ticketing.open(sending)


def _being_opened() -> NotYet:
    return NotYet(retry_at=clock.now() + OPENING)


def _resolve(ticketing: Ticketing, sending: Sending, ticket: Ticket | None) -> str:
    if ticket is None:
        return NOTHING_OPEN
    ref = ticket.ref or _ref_of_unheard(ticketing, sending, ticket)
    answer = ticketing.resolve(sending, ref) if ref else NOTHING_OPEN
    _settle(ticket)
    return answer


def _ref_of_unheard(ticketing: Ticketing, sending: Sending, ticket: Ticket) -> str:
    """Of one whose opening was never answered; "" where nothing came of it. Raises NotYet while that may go on."""
    if ticket.tried_at > clock.now() - OPENING:
        raise _being_opened()
    if ticketing.find is None:
        return sending.message.dedup_key
    found: Opened | None = ticketing.find(sending)
    return found.ref if found else ""


def _settle(ticket: Ticket) -> None:
    Ticket.unscoped.filter(pk=ticket.pk, resolved_at=None).update(resolved_at=clock.now())
