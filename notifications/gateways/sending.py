"""One delivery through its gateway: whether it may go, the attempt, and what becomes of the gateway."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from auditlog.events import record
from config.lib import clock, egress, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Permanent
from notifications.gateways import kinds
from notifications.gateways.kind import SECONDS, GatewayRefused, Sending, Unsure
from notifications.gateways.unseal import scrubbed, secrets_of
from notifications.message import Message
from notifications.models import Channel, Delivery, Gateway
from notifications.tickets.living import send_ticket

_SMS = (Channel.SMS_TWILIO, Channel.SMS_REST)


def send_through(delivery: Delivery, gateway: Gateway) -> str:
    """What the other side said. Raises what `GatewayKind.send` does, scrubbed of the gateway's secrets."""
    kind = kinds.get(gateway.channel)
    _require_usable(delivery, gateway)
    if delivery.wrote_at and not kind.repeats_safely:
        raise Unsure()
    secrets = secrets_of(gateway)
    if not delivery.wrote_at:
        # Once: it counts as progress, and a message that kills its worker each time is to be put aside.
        delivery.save_step(wrote_at=clock.now())
    crash_here("notify.attempt_noted")
    sending = Sending(
        id=str(delivery.pk),
        message=Message.thawed(delivery.message),
        to=delivery.to,
        values={**gateway.config, **secrets},
        at=clock.now(),
        deadline=egress.Deadline(SECONDS),
        workspace=delivery.workspace,
        is_test=delivery.is_test,
    )
    try:
        told = send_ticket(delivery, kind.ticketing, sending) if kind.ticketing else kind.send(sending)
        _keep_learned(gateway, sending.learned)
        return scrubbed(told, secrets)
    except ExpectedError as error:
        error.params = {name: _clean(value, secrets) for name, value in error.params.items()}
        raise


def _keep_learned(gateway: Gateway, learned: dict[str, str]) -> None:
    """Unless somebody has changed the gateway meanwhile."""
    if learned:
        rows = Gateway.unscoped.filter(pk=gateway.pk, config=gateway.config)
        rows.update(config={**gateway.config, **learned})


def _clean(value: object, secrets: dict[str, str]) -> object:
    return scrubbed(value, secrets) if isinstance(value, str) else value


def _require_usable(delivery: Delivery, gateway: Gateway) -> None:
    """A test goes also through a gateway that is paused or switched off: that is how it comes back."""
    if delivery.is_test:
        if delivery.claims > 1 or delivery.wrote_at:
            raise Permanent("test_interrupted")
    elif gateway.paused_at:
        raise Permanent("gateway_paused", name=gateway.name)
    elif gateway.disabled_at:
        raise Permanent("gateway_off", name=gateway.name)
    if gateway.channel in _SMS and sent_today(delivery) >= settings.SMS_A_DAY:
        raise Permanent("sms_used_up", most=settings.SMS_A_DAY)


def sent_today(delivery: Delivery) -> int:
    """Of this workspace through the same gateway, or by the platform's own mail, since midnight UTC."""
    rows = Delivery.objects.for_workspace(delivery.workspace_id).filter(
        gateway=delivery.gateway_id, state=Delivery.State.SENT, settled_at__gte=midnight()
    )
    # Nearly all are sent within a day of being written; the bound keeps this to the newest rows of an index.
    return rows.filter(channel=delivery.channel, created_at__gte=midnight() - timedelta(days=2)).count()


def midnight() -> datetime:
    return clock.now().replace(hour=0, minute=0, second=0, microsecond=0)


def note_result(delivery: Delivery, *, is_ok: bool, answer: str) -> None:
    """The gateway's last result; what works is on again. Inside the delivery's own transaction."""
    if delivery.gateway_id is None:
        return
    told = {"last_at": clock.now(), "last_ok": is_ok, "last_answer": answer[:500]}
    on_again: dict[str, Any] = {"disabled_at": None, "disabled_code": "", "disabled_params": {}} if is_ok else {}
    Gateway.unscoped.filter(pk=delivery.gateway_id).update(**told, **on_again)


def switch_off(delivery: Delivery, error: GatewayRefused) -> None:
    """Nothing more goes this way until somebody changes it; told once. Inside the delivery's own transaction."""
    params = jobs.storable(error.params)
    gateway = delivery.gateway
    if gateway is None:
        return
    rows = Gateway.unscoped.filter(pk=gateway.pk, disabled_at=None)
    if rows.update(disabled_at=clock.now(), disabled_code=error.code, disabled_params=params):
        data = {"gateway": str(gateway.pk), "name": gateway.name, "channel": Channel(gateway.channel).label}
        told = {**data, "code": error.code, "params": params, "error": str(params.get("answer", ""))}
        record("gateway.disabled", workspace_id=delivery.workspace_id, data=told)
