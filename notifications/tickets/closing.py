"""When the cause of a ticket has ended: noted on the ticket's row, and told to its gateway until that knows."""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings

from auditlog.events import sentence
from auditlog.models import Event
from config.lib import clock, jobs
from notifications.message import Message
from notifications.models import Delivery, Ticket
from notifications.outbox import write_out
from notifications.rules.telling import activity_of, subject_of
from notifications.tickets.living import CLOSED

TICKETS_AT_MOST = 200
# What another certificate ends: messages about the one before.
_EXPIRY = ("certificate.expiring", "certificate.expired")
_GOOD_ENDS = frozenset({"certificate.issued", "deployment.succeeded"})
# Told anew this often while the gateway does not take it, and for so long.
AGAIN_EVERY = timedelta(days=1)
TRIED_FOR = timedelta(days=30)
SPARED = timedelta(minutes=15)


def end_tickets(event: Event) -> list[Delivery]:
    """Those whose cause the event ends, each with the message that closes it, not yet written.

    Inside the transaction of the event's reaction. Repeatable: the key keeps the first message.
    """
    if event.domain_id is None or event.workspace_id is None:
        return []
    rows = Ticket.objects.for_workspace(event.workspace_id).filter(domain_id=event.domain_id, resolved_at=None)
    tickets = rows.select_related("gateway").order_by("created_at", "id")
    ended = [ticket for ticket in tickets if _ends(event, ticket)][:TICKETS_AT_MOST]
    why = f"{sentence(event)}."
    url = activity_of(event) if event.kind != "domain.deleted" else settings.SITE_URL
    return [_closing(ticket, event.at, why, url, f"{event.pk}:ticket:{ticket.pk}") for ticket in ended]


def _ends(event: Event, ticket: Ticket) -> bool:
    """A finding never comes back, and neither does a domain; of all else, what was told since goes on."""
    if event.kind == "domain.deleted":
        return True
    if event.kind == "finding.closed":
        return ticket.thread == thread_about(event.domain_id, subject_of(event))
    if ticket.told_at > event.at:
        return False
    if event.kind == "domain.certificate_changed":
        return ticket.about in _EXPIRY
    return event.kind in _GOOD_ENDS and ticket.thread == thread_about(event.domain_id, subject_of(event))


def end_thread(workspace_id: uuid.UUID, thread: str, why: str) -> list[Delivery]:
    """The same for a thread that no event ends. Inside the caller's transaction."""
    now = clock.now()
    rows = Ticket.objects.for_workspace(workspace_id).filter(thread=thread, resolved_at=None, ended_at=None)
    tickets = rows.select_related("gateway")
    return [_closing(one, now, why, settings.SITE_URL, f"{one.pk}:ended:{now.date()}") for one in tickets]


def thread_about(domain_id: uuid.UUID | None, subject: str) -> str:
    """What `outbox.thread_of` makes of a story about this subject of this domain."""
    return f"{domain_id.hex if domain_id else ''}-{hashlib.sha256(subject.encode()).hexdigest()[:24]}"


def _closing(ticket: Ticket, at: datetime, why: str, url: str, key: str) -> Delivery:
    Ticket.unscoped.filter(pk=ticket.pk).update(ended_at=at, ended_by=why[:500])
    return _message(ticket, at, why, url, key)


def _message(ticket: Ticket, at: datetime, why: str, url: str, key: str) -> Delivery:
    label = ticket.gateway.name
    message = Message(
        type=CLOSED,
        subject=f"Over: {why}"[:200],
        body=f"{why} What this was opened for has ended.",
        url=url,
        dedup_key=ticket.thread,
        severity="info",
        facts=(("Gateway", label),),
        data={"at": at.isoformat()},
    )
    return Delivery(
        workspace_id=ticket.workspace_id,
        channel=ticket.gateway.channel,
        gateway=ticket.gateway,
        message=message.frozen(),
        event_kind=CLOSED,
        domain_id=ticket.domain_id,
        subject=message.subject[:300],
        dedup_key=key,
        run_after=clock.now(),
    )


def tell_again() -> bool:
    """A chore: endings that a gateway has not taken, once a day while it is usable. A bounded piece."""
    now = clock.now()
    left = Ticket.unscoped.filter(resolved_at=None, ended_at__lt=now - SPARED)
    left.filter(ended_at__lt=now - TRIED_FOR).update(resolved_at=now)
    tickets = left.filter(gateway__paused_at=None, gateway__disabled_at=None).select_related("gateway")
    rows = list(_untold(tickets.order_by("ended_at")[:500], now))
    write_out(rows)
    if rows:
        jobs.ring("delivery")
    return False


def _untold(tickets: Iterable[Ticket], now: datetime) -> Iterable[Delivery]:
    for ticket in tickets:
        on_its_way = Delivery.objects.for_workspace(ticket.workspace_id).filter(
            gateway=ticket.gateway_id,
            event_kind=CLOSED,
            state=Delivery.State.WAITING,
            message__dedup_key=ticket.thread,
        )
        if ticket.ended_at and not on_its_way.exists():
            key = f"{ticket.pk}:again:{now.date()}"
            yield _message(ticket, ticket.ended_at, ticket.ended_by, settings.SITE_URL, key)
