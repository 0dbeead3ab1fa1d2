"""Sending what was written down, and settling it."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from accounts import mail
from auditlog.events import record
from auditlog.models import Event
from config.lib import clock, errors, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Permanent, Transient
from notifications.models import Delivery
from notifications.reactions import is_recipient
from notifications.stories import tell

log = logging.getLogger("notifications")

# Rendering, the connection and its answer, with room.
LEASE_SECONDS = 2 * mail.SECONDS


def send_deliveries(batch: Sequence[Delivery]) -> None:
    """Send each; at least once, always under the same Message-ID. Repeatable after any cut."""
    for delivery in batch:
        delivery.renew_lease(LEASE_SECONDS)
        try:
            _send(delivery)
        except Transient as error:
            _try_later(delivery, error)


def _send(delivery: Delivery) -> None:
    event = Event.unscoped.filter(pk=delivery.event_id).first() if delivery.event_id else None
    if event is None or delivery.recipient_id is None or not is_recipient(delivery.workspace_id, delivery.recipient_id):
        raise Permanent("recipient_gone", to=delivery.to)
    told = tell(event, delivery.workspace)
    crash_here("notify.rendered")
    answer = mail.send_platform_mail(
        to=delivery.to, subject=told.subject, text=told.text, html=told.html, message_id=str(delivery.pk)
    )
    crash_here("notify.sent")
    delivery.finish(
        state=Delivery.State.SENT,
        subject=told.subject[:300],
        last_answer=answer[:500],
        attempts=delivery.attempts + 1,
        settled_at=clock.now(),
        error_code="",
        error_params={},
    )


def _try_later(delivery: Delivery, error: Transient) -> None:
    """By the workspace's own settings; when its tries are used up, that is the end."""
    if delivery.attempts >= delivery.workspace.delivery_retries:
        raise Permanent(error.code, **error.params) from error
    pause = timedelta(minutes=delivery.workspace.retry_delay_minutes)
    delivery.finish(
        run_after=error.retry_at or clock.now() + pause,
        attempts=delivery.attempts + 1,
        last_answer=_in_words(error)[:500],
        error_code=error.code,
        error_params=jobs.storable(error.params),
    )


def give_up_delivery(delivery: Delivery, error: ExpectedError) -> None:
    """The end without success; the activity log says so. No reaction follows: a mail about a mail would loop."""
    log.warning("delivery.failed", extra={"delivery": str(delivery.pk), "code": error.code})
    words = _in_words(error)
    delivery.finish(
        state=Delivery.State.FAILED,
        attempts=delivery.attempts + 1,
        last_answer=words[:500],
        settled_at=clock.now(),
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=lambda: _record_failure(delivery, words),
    )


def _record_failure(delivery: Delivery, words: str) -> None:
    record(
        "delivery.failed",
        workspace_id=delivery.workspace_id,
        domain_label=delivery.domain_label,
        data={
            "delivery": str(delivery.pk),
            "to": delivery.to,
            "about": delivery.event_kind,
            "event": str(delivery.event_id),
            "error": words,
        },
    )


def _in_words(error: ExpectedError) -> str:
    """A server's own answer where there is one, else ours."""
    return str(error.params.get("answer") or errors.describe(error.code, error.params).title)
