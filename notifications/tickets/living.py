"""One message through a kind that keeps tickets: what it is to its ticket."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from config.lib import clock
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError
from config.lib.moments import parse_moment
from notifications.gateways.json_api import TicketGone, TicketStuck
from notifications.gateways.kind import NotYet, Opened, Sending, Ticketing
from notifications.models import Delivery, Ticket
from notifications.tickets.causes import has_ended

# Said when the cause has ended.
CLOSED = "incident.closed"
# Nobody has to do anything about these; what they are the end of is closed by itself.
GOOD_NEWS = frozenset({"renewal.succeeded", "site.up"})
# These have no end that anybody could tell: people close what they open.
WITHOUT_END = frozenset({"certificate.changed"})
# Longer than any attempt, and than vendors' searches are late: until then nobody else opens one.
OPENING = timedelta(minutes=2)
NOTHING_OPEN = "Nothing is open about it."
IS_OVER = "Nothing was opened: it had ended by then."
GOES_ON = "It goes on again, so the ticket stays open."


def send_ticket(delivery: Delivery, ticketing: Ticketing, sending: Sending) -> str:
    """What the other side said. Blocks; raises NotYet, and what the kind's functions raise."""
    if sending.is_test:
        return _try(ticketing, sending)
    if sending.message.type in GOOD_NEWS:
        return NOTHING_OPEN
    ticket = _open_ticket(delivery, sending.message.dedup_key)
    if sending.message.type == CLOSED:
        return _resolve(ticketing, sending, ticket) if ticket else NOTHING_OPEN
    return _tell(delivery, ticketing, sending, ticket)


def told_at(delivery: Delivery) -> datetime:
    """When what it tells was so; rows are written some time after, and not in order."""
    at = delivery.message.get("data", {}).get("at")
    return parse_moment(at) if at else delivery.created_at


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


def _tell(delivery: Delivery, ticketing: Ticketing, sending: Sending, ticket: Ticket | None) -> str:
    is_new = ticket is None
    ticket = ticket or _written_down(delivery, sending)
    crash_here("notify.ticket_noted")
    with _held(ticket, ticketing):
        # Asked once the row is there and held: whoever ends the cause has either been seen here or sees the row.
        if _is_over(delivery, ticket):
            if is_new:
                ticket.delete()
            return IS_OVER
        _goes_on(ticket, told_at(delivery))
        if ticket.ref:
            answer = _updated(ticketing, sending, ticket)
            if answer is not None:
                return answer
            ticket = _successor(delivery, sending, ticket)
        return _open(ticketing, sending, ticket)


def _is_over(delivery: Delivery, ticket: Ticket) -> bool:
    at = told_at(delivery)
    return bool(ticket.ended_at and ticket.ended_at > at) or has_ended(delivery, at)


def _goes_on(ticket: Ticket, at: datetime) -> None:
    """What had ended came back before it was closed: it is the same ticket."""
    ticket.told_at, ticket.ended_at = max(ticket.told_at, at), None
    Ticket.unscoped.filter(pk=ticket.pk).update(told_at=ticket.told_at, ended_at=None, ended_by="")


def _written_down(delivery: Delivery, sending: Sending, busy_until: datetime | None = None) -> Ticket:
    """Before the other side is asked. Raises NotYet when another message does so just now."""
    ticket = Ticket(
        workspace_id=delivery.workspace_id,
        gateway=delivery.gateway,
        thread=sending.message.dedup_key,
        about=sending.message.type[:64],
        domain_id=delivery.domain_id,
        told_at=told_at(delivery),
        busy_until=busy_until,
    )
    try:
        with transaction.atomic():
            ticket.save(force_insert=True)
    except IntegrityError as error:
        raise NotYet(retry_at=clock.now() + OPENING) from error
    return ticket


@contextmanager
def _held(ticket: Ticket, ticketing: Ticketing) -> Iterator[None]:
    """One message at a time, on the row as it is now. Raises NotYet while another one is on its way.

    What may have been opened without our hearing of it keeps the row until searches can tell.
    """
    now = clock.now()
    until = now + OPENING
    free = Q(busy_until=None) | Q(busy_until__lte=now)
    if not Ticket.unscoped.filter(free, pk=ticket.pk, resolved_at=None).update(busy_until=until):
        raise NotYet(retry_at=until)
    ticket.refresh_from_db()
    mine = Ticket.unscoped.filter(pk=ticket.pk, busy_until=until)
    try:
        yield
    except ExpectedError as error:
        ticket.refresh_from_db(fields=["ref"])
        may_be_there = not ticket.ref and ticketing.find is not None and error.params.get("may_have_arrived")
        if not may_be_there:
            mine.update(busy_until=None)
        raise
    mine.update(busy_until=None)


def _updated(ticketing: Ticketing, sending: Sending, ticket: Ticket) -> str | None:
    """The other side's words; None when it takes nothing more, being closed or gone there."""
    try:
        if _is_closed_there(ticketing, sending, ticket):
            return None
        return ticketing.update(sending, ticket.ref)
    except (TicketGone, TicketStuck):
        return None


def _is_closed_there(ticketing: Ticketing, sending: Sending, ticket: Ticket) -> bool:
    """Somebody closed it by hand. What was opened just now no search may know yet."""
    if ticketing.find is None or ticket.opened_at is None or ticket.opened_at > clock.now() - OPENING:
        return False
    return ticketing.find(sending) is None


def _successor(delivery: Delivery, sending: Sending, ticket: Ticket) -> Ticket:
    """Its cause goes on, so it gets another one."""
    _settle(ticket)
    return _written_down(delivery, sending, busy_until=clock.now() + OPENING)


def _open(ticketing: Ticketing, sending: Sending, ticket: Ticket) -> str:
    opened = _found_or_opened(ticketing, sending)
    crash_here("notify.ticket_opened")
    now = clock.now()
    settled = {"resolved_at": now} if sending.message.type in WITHOUT_END else {}
    Ticket.unscoped.filter(pk=ticket.pk).update(
        ref=opened.ref[:200], url=opened.url[:500], opened_at=now, busy_until=None, **settled
    )
    return " ".join(filter(None, [opened.answer, opened.url]))


def _found_or_opened(ticketing: Ticketing, sending: Sending) -> Opened:
    found = ticketing.find(sending) if ticketing.find else None
    return found or ticketing.open(sending)


def _resolve(ticketing: Ticketing, sending: Sending, ticket: Ticket) -> str:
    with _held(ticket, ticketing):
        if ticket.ended_at is None:
            return GOES_ON
        if ticket.ref and _is_closed_there(ticketing, sending, ticket):
            _settle(ticket)
            return "It was closed there before."
        ref = ticket.ref or _ref_of_unheard(ticketing, sending)
        answer = ticketing.resolve(sending, ref) if ref else NOTHING_OPEN
        _settle(ticket)
        return answer


def _ref_of_unheard(ticketing: Ticketing, sending: Sending) -> str:
    """Of one whose opening was never answered; "" where nothing came of it."""
    if ticketing.find is None:
        return sending.message.dedup_key
    found = ticketing.find(sending)
    return found.ref if found else ""


def _settle(ticket: Ticket) -> None:
    Ticket.unscoped.filter(pk=ticket.pk, resolved_at=None).update(resolved_at=clock.now())
