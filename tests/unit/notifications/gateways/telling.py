"""Messages about one domain, sent as the worker sends them, for the tests of what keeps tickets."""

import uuid
from typing import Any

import pytest

from config.lib import clock
from config.lib.egress import Deadline
from domains.models import Domain
from notifications.gateways import sending as sending_module
from notifications.gateways import zoho_desk
from notifications.gateways.kind import Sending, Unsure
from notifications.gateways.sending import send_through
from notifications.gateways.unseal import secrets_of
from notifications.message import Message
from notifications.models import Delivery, Gateway, Ticket
from notifications.tickets.closing import thread_about
from notifications.tickets.living import OPENING
from tests.servers.vendors import Opsgenie, Vendor, Zoho


def message(domain: Domain, about: str = "incident.opened", subject: str = "1", text: str = "Broken.") -> Message:
    return Message(
        type=about,
        subject="shop.acme-tools.net: the chain is incomplete",
        body=text,
        url="http://localhost:8000/w/1/",
        dedup_key=thread_about(domain.pk, subject),
        facts=(("Domain", domain.label), ("Issued by", "R12")),
    )


def delivery(gateway: Gateway, domain: Domain, told: Message, *, is_test: bool = False) -> Delivery:
    row = Delivery.objects.create(
        workspace=gateway.workspace,
        channel=gateway.channel,
        gateway=gateway,
        message=told.frozen(),
        event_kind=told.type,
        domain_id=domain.pk,
        domain_label=domain.label,
        dedup_key=f"{told.type}:{told.body}:{Delivery.unscoped.count()}",
        is_test=is_test,
    )
    return leased(row)


def leased(row: Delivery) -> Delivery:
    row.lease_token = uuid.uuid4()
    row.save()
    return row


def send(row: Delivery) -> str:
    """As the worker does, which settles what was sent."""
    assert row.gateway
    answer = send_through(row, row.gateway)
    Delivery.unscoped.filter(pk=row.pk).update(state=Delivery.State.SENT)
    return answer


def send_slowly(there: Vendor, row: Delivery) -> None:
    """The request that opens is done at the other side, and its answer never comes."""
    if isinstance(there, Zoho):
        zoho_desk.access_token(sending_of(row))
    if there.channel in ("opsgenie", "pagerduty"):
        there.is_silent = True
    else:
        # Their first exchange is a search; it is the second that is to hang.
        there.respond = _silent_at_second(there, there.respond)  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending_module, "SECONDS", 1.0)
        with pytest.raises(Unsure):
            send(row)
    if isinstance(there, Opsgenie):
        there.work()


def _silent_at_second(there: Vendor, respond: Any) -> Any:
    count = 0

    def answer(*told: Any) -> Any:
        nonlocal count
        count += 1
        there.is_silent = count == 2
        return respond(*told)

    return answer


def sending_of(row: Delivery) -> Sending:
    assert row.gateway
    return Sending(
        id=str(row.pk),
        message=Message.thawed(row.message),
        to="",
        values={**row.gateway.config, **secrets_of(row.gateway)},
        at=clock.now(),
        deadline=Deadline(5),
        workspace=row.workspace,
    )


def ending(gateway: Gateway, domain: Domain, subject: str = "1", text: str = "It is well again.") -> Delivery:
    """As the reaction to an end writes it: noted on the ticket, and told by a message."""
    told = message(domain, "incident.closed", subject, text)
    rows = Ticket.unscoped.filter(gateway=gateway, thread=told.dedup_key, resolved_at=None)
    rows.update(ended_at=clock.now(), ended_by=text)
    return delivery(gateway, domain, told)


def some_time_later() -> None:
    """Nobody is on the way to a ticket any more, and searches know all of them."""
    past = clock.now() - 2 * OPENING
    Ticket.unscoped.update(busy_until=None)
    Ticket.unscoped.exclude(opened_at=None).update(opened_at=past)
