"""When the cause of a ticket has ended: a message to each gateway that has one open about it."""

import hashlib
import uuid

from django.conf import settings
from django.db.models import QuerySet

from auditlog.events import sentence
from auditlog.models import Event
from config.lib import clock
from notifications.message import Message
from notifications.models import Delivery, Ticket
from notifications.rules.telling import activity_of, subject_of
from notifications.tickets.living import CLOSED

TICKETS_AT_MOST = 200
# What another certificate ends: messages about the one before.
_EXPIRY = ("certificate.expiring", "certificate.expired")
_GOOD_ENDS = frozenset({"certificate.issued", "deployment.succeeded"})


def closings(event: Event) -> list[Delivery]:
    """Not yet written; repeatable: the key keeps the first."""
    tickets = _ended(event)
    return [] if tickets is None else [_delivery(event, ticket) for ticket in tickets[:TICKETS_AT_MOST]]


def _ended(event: Event) -> "QuerySet[Ticket] | None":
    if event.domain_id is None or event.workspace_id is None:
        return None
    rows = Ticket.objects.for_workspace(event.workspace_id).filter(domain_id=event.domain_id, resolved_at=None)
    rows = rows.select_related("gateway").order_by("created_at", "id")
    if event.kind == "finding.closed":
        return rows.filter(thread=thread_about(event.domain_id, str(event.data.get("finding", ""))))
    if event.kind in _GOOD_ENDS:
        return rows.filter(thread=thread_about(event.domain_id, subject_of(event)))
    if event.kind == "domain.certificate_changed":
        return rows.filter(about__in=_EXPIRY)
    return rows if event.kind == "domain.deleted" else None


def thread_about(domain_id: uuid.UUID, subject: str) -> str:
    """What `outbox.thread_of` makes of a story about this subject of this domain."""
    return f"{domain_id.hex}-{hashlib.sha256(subject.encode()).hexdigest()[:24]}"


def _delivery(event: Event, ticket: Ticket) -> Delivery:
    told = f"{sentence(event)}."
    message = Message(
        type=CLOSED,
        subject=f"Over: {event.domain_label}",
        body=f"{told} What this was opened for has ended.",
        url=activity_of(event) if event.kind != "domain.deleted" else settings.SITE_URL,
        dedup_key=ticket.thread,
        severity="info",
        facts=(("Domain", event.domain_label),),
        data={"at": event.at.isoformat(), "event": str(event.pk)},
    )
    return Delivery(
        workspace_id=ticket.workspace_id,
        channel=ticket.gateway.channel,
        gateway=ticket.gateway,
        message=message.frozen(),
        event_id=event.pk,
        event_kind=CLOSED,
        domain_id=event.domain_id,
        domain_label=event.domain_label,
        subject=message.subject[:300],
        dedup_key=f"{event.pk}:ticket:{ticket.pk}",
        run_after=clock.now(),
    )
