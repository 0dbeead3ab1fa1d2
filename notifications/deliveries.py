"""Sending what was written down, and settling it."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings

from accounts import mail
from auditlog.events import record
from auditlog.models import Event
from config.lib import clock, errors, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Permanent, Transient
from notifications.alert_mail import mail_of
from notifications.gateways import kinds
from notifications.gateways.kind import GatewayRefused, NotYet, Unsure
from notifications.gateways.sending import midnight, note_result, send_through, sent_today, switch_off
from notifications.message import Message
from notifications.models import Channel, Delivery
from notifications.reactions import is_recipient
from notifications.stories import Told, tell

log = logging.getLogger("notifications")

# Rendering, the connection and its answer, with room.
LEASE_SECONDS = 2 * mail.SECONDS
# Mails about what went wrong with alerts: not counted, or the last one of a day would be about the cap and stay away.
_ABOUT_DELIVERY = frozenset({"delivery.failed", "delivery.capped", "gateway.disabled"})
_CAPS = frozenset({"mails_used_up", "sms_used_up"})
# Somebody decided so or was told already; more mails about each message would say nothing new.
_TOLD_ALREADY = _CAPS | {"gateway_paused", "gateway_off", "gateway_gone", "gateway_refused"}


def send_deliveries(batch: Sequence[Delivery]) -> None:
    """Send each; at least once, always under the same id. Repeatable after any cut.

    Where the receiver cannot tell a repetition, an attempt that may have arrived is not repeated, and told instead.
    """
    for delivery in batch:
        delivery.renew_lease(LEASE_SECONDS)
        try:
            _send(delivery)
        except Transient as error:
            _try_later(delivery, error)


def _send(delivery: Delivery) -> None:
    if delivery.gateway:
        subject = str(delivery.message.get("subject", ""))
        crash_here("notify.rendered")
        answer = send_through(delivery, delivery.gateway)
    elif delivery.channel != Channel.EMAIL:
        raise Permanent("gateway_gone")
    else:
        subject, answer = _send_platform_mail(delivery)
    crash_here("notify.sent")
    delivery.finish(
        state=Delivery.State.SENT,
        subject=subject[:300],
        last_answer=answer[:500],
        attempts=delivery.attempts + 1,
        wrote_at=None,
        settled_at=clock.now(),
        error_code="",
        error_params={},
        also=lambda: note_result(delivery, is_ok=True, answer=answer),
    )
    crash_here("notify.settled")


def _send_platform_mail(delivery: Delivery) -> tuple[str, str]:
    """Subject and the server's answer."""
    told = _told(delivery)
    if delivery.event_kind not in _ABOUT_DELIVERY and sent_today(delivery) >= settings.PLATFORM_MAILS_A_DAY:
        raise Permanent("mails_used_up", most=settings.PLATFORM_MAILS_A_DAY)
    crash_here("notify.rendered")
    answer = mail.send_platform_mail(
        to=delivery.to, subject=told.subject, text=told.text, html=told.html, message_id=str(delivery.pk)
    )
    return told.subject, answer


def _told(delivery: Delivery) -> Told:
    """What the mail says: the frozen message of a rule, or the event, in words of now."""
    if delivery.recipient_id and not is_recipient(delivery.workspace_id, delivery.recipient_id):
        raise Permanent("recipient_gone", to=delivery.to)
    if delivery.message:
        return mail_of(Message.thawed(delivery.message), delivery.workspace)
    event = Event.unscoped.filter(pk=delivery.event_id).first() if delivery.event_id else None
    if event is None or delivery.recipient_id is None:
        raise Permanent("recipient_gone", to=delivery.to)
    return tell(event, delivery.workspace)


def _try_later(delivery: Delivery, error: Transient) -> None:
    """By the workspace's own settings; when its tries are used up, that is the end. A test has one try."""
    is_unsure = isinstance(error, Unsure)
    is_attempt = not isinstance(error, NotYet)
    is_over = delivery.is_test or (is_attempt and delivery.attempts >= delivery.workspace.delivery_retries)
    if is_over or (is_unsure and not _repeats_safely(delivery)):
        raise Permanent(error.code, **error.params) from error
    pause = timedelta(minutes=delivery.workspace.retry_delay_minutes)
    words = _in_words(error)
    delivery.finish(
        run_after=error.retry_at or clock.now() + pause,
        attempts=delivery.attempts + is_attempt,
        last_answer=words[:500],
        # Only what may have arrived is marked so.
        wrote_at=delivery.wrote_at if is_unsure else None,
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=(lambda: note_result(delivery, is_ok=False, answer=words)) if is_attempt else None,
    )


def _repeats_safely(delivery: Delivery) -> bool:
    return delivery.gateway is None or kinds.get(delivery.gateway.channel).repeats_safely


def give_up_delivery(delivery: Delivery, error: ExpectedError) -> None:
    """The end without success; the activity log says so, and where a gateway failed the admins get a mail."""
    log.warning("delivery.failed", extra={"delivery": str(delivery.pk), "code": error.code})
    words = _in_words(error)
    delivery.finish(
        state=Delivery.State.FAILED,
        attempts=delivery.attempts + 1,
        last_answer=words[:500],
        settled_at=clock.now(),
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=lambda: _note_failure(delivery, error, words),
    )


def _note_failure(delivery: Delivery, error: ExpectedError, words: str) -> None:
    note_result(delivery, is_ok=False, answer=words)
    # A test switches nothing off: whoever pressed the button reads the answer.
    if delivery.is_test:
        return
    if isinstance(error, GatewayRefused):
        switch_off(delivery, error)
    if error.code in _CAPS:
        _tell_of_cap(delivery, error)
    _record_failure(delivery, error, words)


def _record_failure(delivery: Delivery, error: ExpectedError, words: str) -> None:
    alerts = _is_news(delivery) and error.code not in _TOLD_ALREADY
    record(
        "delivery.failed",
        workspace_id=delivery.workspace_id,
        domain_id=delivery.domain_id,
        domain_label=delivery.domain_label,
        alerts=alerts,
        data={
            "delivery": str(delivery.pk),
            "to": delivery.to or (delivery.gateway.name if delivery.gateway else delivery.channel),
            "about": delivery.message.get("subject") or delivery.event_kind,
            "event": str(delivery.event_id),
            "error": words,
            "code": error.code,
            "params": jobs.storable(error.params),
        },
    )


def _is_news(delivery: Delivery) -> bool:
    """Whether the admins can be told by the platform's mail: of what failed as such a mail to them it would loop."""
    is_for_others = bool(delivery.message) and delivery.recipient_id is None
    return delivery.gateway_id is not None or is_for_others


def _tell_of_cap(delivery: Delivery, error: ExpectedError) -> None:
    """Once a day, whatever is capped."""
    told = Event.unscoped.filter(workspace_id=delivery.workspace_id, kind="delivery.capped", at__gte=midnight())
    if not told.exists():
        data = {"code": error.code, "params": jobs.storable(error.params), "error": _in_words(error)}
        record("delivery.capped", workspace_id=delivery.workspace_id, data=data)


def _in_words(error: ExpectedError) -> str:
    """A server's own answer where there is one, else ours."""
    return str(error.params.get("answer") or errors.describe(error.code, error.params).title)
