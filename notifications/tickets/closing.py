"""When the cause of a ticket has ended: a message to each gateway that has one open about it, or is about to."""

import hashlib
import uuid
from collections.abc import Iterator
from itertools import islice

from django.conf import settings

from auditlog.events import sentence
from auditlog.models import Event
from config.lib import clock
from notifications.gateways import kinds
from notifications.message import Message
from notifications.models import Delivery, Gateway, Ticket
from notifications.rules.telling import activity_of, subject_of
from notifications.tickets.living import CLOSED, GOOD_NEWS, told_at

TICKETS_AT_MOST = 200
# What another certificate ends: messages about the one before.
_EXPIRY = ("certificate.expiring", "certificate.expired")
_ENDS = frozenset(
    {
        *("finding.closed", "certificate.issued", "deployment.succeeded"),
        *("domain.certificate_changed", "domain.deleted"),
    }
)


def closings(event: Event) -> list[Delivery]:
    """Not yet written; repeatable: the key keeps the first."""
    if event.domain_id is None or event.workspace_id is None or event.kind not in _ENDS:
        return []
    told = (*_opened(event, event.workspace_id), *_on_their_way(event, event.workspace_id))
    ended = {(gateway.pk, thread): gateway for gateway, thread in told}
    found = islice(ended.items(), TICKETS_AT_MOST)
    return [_delivery(event, gateway, thread) for (_, thread), gateway in found]


def _opened(event: Event, workspace_id: uuid.UUID) -> Iterator[tuple[Gateway, str]]:
    rows = Ticket.objects.for_workspace(workspace_id).filter(domain_id=event.domain_id, resolved_at=None)
    for ticket in rows.select_related("gateway").order_by("created_at", "id"):
        if _ends(event, ticket.thread, ticket.about):
            yield ticket.gateway, ticket.thread


def _on_their_way(event: Event, workspace_id: uuid.UUID) -> Iterator[tuple[Gateway, str]]:
    """What waits to be sent would open a ticket that nobody closes."""
    ticketing = [kind.channel for kind in kinds if kind.ticketing]
    rows = Delivery.objects.for_workspace(workspace_id).filter(
        domain_id=event.domain_id, state=Delivery.State.WAITING, channel__in=ticketing, is_test=False
    )
    rows = rows.exclude(gateway=None).exclude(event_kind__in=(CLOSED, *GOOD_NEWS))
    for delivery in rows.select_related("gateway").order_by("created_at", "id"):
        message, gateway = delivery.message, delivery.gateway
        if gateway and told_at(delivery) < event.at and _ends(event, message["dedup_key"], message["type"]):
            yield gateway, message["dedup_key"]


def _ends(event: Event, thread: str, about: str) -> bool:
    """Whether the event is the end of what `thread` is of and messages of the type `about` spoke of first."""
    if event.kind == "domain.certificate_changed":
        return about in _EXPIRY
    return event.kind == "domain.deleted" or thread == thread_about(event.domain_id, subject_of(event))


def thread_about(domain_id: uuid.UUID | None, subject: str) -> str:
    """What `outbox.thread_of` makes of a story about this subject of this domain."""
    return f"{domain_id.hex if domain_id else ''}-{hashlib.sha256(subject.encode()).hexdigest()[:24]}"


def _delivery(event: Event, gateway: Gateway, thread: str) -> Delivery:
    told = f"{sentence(event)}."
    message = Message(
        type=CLOSED,
        subject=f"Over: {event.domain_label}",
        body=f"{told} What this was opened for has ended.",
        url=activity_of(event) if event.kind != "domain.deleted" else settings.SITE_URL,
        dedup_key=thread,
        severity="info",
        facts=(("Domain", event.domain_label),),
        data={"at": event.at.isoformat(), "event": str(event.pk)},
    )
    return Delivery(
        workspace_id=gateway.workspace_id,
        channel=gateway.channel,
        gateway=gateway,
        message=message.frozen(),
        event_id=event.pk,
        event_kind=CLOSED,
        domain_id=event.domain_id,
        domain_label=event.domain_label,
        subject=message.subject[:300],
        dedup_key=f"{event.pk}:ticket:{gateway.pk}:{thread}",
        run_after=clock.now(),
    )
