"""'Send test': a message on the very path of a real alert, tried once, with the provider's own answer."""

import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse

from accounts.addresses import plain_email
from accounts.models import User
from config.lib import clock, jobs
from config.lib.errors import InvalidValue
from notifications.gateways.kind import kinds
from notifications.message import Message
from notifications.models import Channel, Delivery, Gateway

KIND = "gateway.test"


def send_test(*, gateway: Gateway, to: str, user: User | None) -> Delivery:
    """Written down and rung for; `has_ended` says when its one attempt is over.

    Without `to`, mail goes to whoever asks. Raises InvalidValue for `to`.
    """
    to = _recipient(gateway, to, user)
    number = uuid.uuid4()
    delivery = Delivery(
        workspace_id=gateway.workspace_id,
        channel=gateway.channel,
        gateway=gateway,
        message=_message(gateway, number).frozen(),
        is_test=True,
        event_kind=KIND,
        to=to,
        dedup_key=f"test:{number}",
        run_after=clock.now(),
        priority=jobs.INTERACTIVE,
    )
    with transaction.atomic():
        delivery.save()
        jobs.ring("delivery", interactive=True)
    return delivery


def has_ended(delivery: Delivery) -> bool:
    delivery.refresh_from_db()
    return delivery.state != Delivery.State.WAITING


def _recipient(gateway: Gateway, to: str, user: User | None) -> str:
    if not kinds.get(gateway.channel).is_addressed:
        return ""
    to = to.strip() or (user.email if user and gateway.channel == Channel.EMAIL else "")
    if not to:
        raise InvalidValue("to", "test_recipient_missing")
    if gateway.channel != Channel.EMAIL:
        return _number(to)
    try:
        return plain_email(to)
    except ValidationError:
        raise InvalidValue("to", "address_malformed") from None


def _number(to: str) -> str:
    """As people write it, with the spaces and brackets taken out."""
    number = to.translate({ord(character): None for character in " ()-./"})
    digits = number[1:]
    if not (
        number[:1] == "+" and digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15 and digits[0] != "0"
    ):
        raise InvalidValue("to", "number_malformed")
    return number


def _message(gateway: Gateway, number: uuid.UUID) -> Message:
    page = reverse("notifications:gateway-detail", args=[gateway.workspace_id, gateway.pk])
    workspace = gateway.workspace.name
    return Message(
        type="test",
        subject=f"[TEST] {settings.SITE_NAME} through the gateway {gateway.name}",
        body=f"[TEST] Alerts of the workspace {workspace} arrive here. Nothing is wrong.",
        url=settings.SITE_URL + page,
        dedup_key=f"{number.hex}-test",
        severity="info",
        facts=(("Workspace", workspace), ("Gateway", gateway.name)),
        data={"at": clock.now().isoformat()},
    )


def last_deliveries(gateway: Gateway, count: int) -> list[Delivery]:
    rows = Delivery.objects.for_workspace(gateway.workspace_id).filter(gateway=gateway)
    return list(rows.order_by("-created_at", "-id")[:count])
