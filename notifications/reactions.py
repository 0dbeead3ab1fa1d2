"""From an event to the deliveries it asks for, and to another look at the rules of its domain."""

import logging
import uuid
from collections.abc import Iterable, Sequence
from functools import partial

from accounts.members import admins_to_tell
from accounts.models import User, Workspace
from auditlog.models import Event, PendingReaction
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError
from notifications.models import Delivery
from notifications.outbox import write_out
from notifications.rules.events import MOVES
from notifications.rules.firing import deliveries_about, rules_fired_by
from notifications.rules.watching import domains_moved
from notifications.tickets.closing import end_tickets

log = logging.getLogger("notifications")

# The outcome of a renewal goes to the admins by the platform's mail where no rule speaks of it.
RENEWALS = frozenset(
    {
        *("certificate.issued", "issuance.failed", "renewal.refused"),
        *("deployment.succeeded", "deployment.partial", "deployment.failed"),
    }
)
# These do so whatever the rules are; other kinds that alert are for rules alone.
ALWAYS_MAILED = frozenset(
    {
        *("certificate.downloaded", "pull.created", "server.host_key_changed", "panel.certificate_changed"),
        *("gateway.disabled", "delivery.capped", "delivery.failed"),
        *("billing.topped_up", "billing.auto_topped_up", "billing.auto_top_up_failed", "billing.balance_low"),
        "billing.payment_held_back",
    }
)


def react_to_events(batch: Sequence[PendingReaction]) -> None:
    """Write what each event has to say. Repeatable: the dedup key keeps the first."""
    for reaction in batch:
        event = Event.unscoped.filter(pk=reaction.event_id).first()
        rows = _deliveries(event, event.workspace_id) if event and event.workspace_id else []
        crash_here("notify.reaction_read")
        reaction.finish(is_done=True, also=partial(_write, event, rows))
        crash_here("notify.reaction_done")


def give_up_reaction(reaction: PendingReaction, error: ExpectedError) -> None:
    """The row stays as evidence; nobody below this room could be told of it."""
    log.error("reaction.failed", extra={"event": str(reaction.event_id), "code": error.code})
    reaction.finish(is_done=False, error_code=error.code, error_params=jobs.storable(error.params))


def is_recipient(workspace_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """May this person still be told? Asked again at the moment of sending."""
    return any(user.pk == user_id for user in admins_of(workspace_id))


def admins_of(workspace_id: uuid.UUID) -> Iterable[User]:
    """Whom the workspace's mail goes to; nobody once it is being deleted."""
    is_open = Workspace.objects.filter(pk=workspace_id, closing_at=None).exists()
    return admins_to_tell(workspace_id) if is_open else []


def _deliveries(event: Event, workspace_id: uuid.UUID) -> list[Delivery]:
    rules = rules_fired_by(event)
    rows = deliveries_about(event, rules)
    if event.kind in ALWAYS_MAILED or (event.kind in RENEWALS and not rules):
        rows += _platform_mails(event, workspace_id)
    return rows


def _platform_mails(event: Event, workspace_id: uuid.UUID) -> list[Delivery]:
    return [
        Delivery(
            workspace_id=workspace_id,
            event_id=event.pk,
            event_kind=event.kind,
            domain_id=event.domain_id,
            domain_label=event.domain_label,
            recipient=user,
            to=user.email,
            dedup_key=f"{event.pk}:mail:{user.pk}",
            run_after=clock.now(),
        )
        for user in admins_of(workspace_id)
    ]


def _write(event: Event | None, rows: Sequence[Delivery]) -> None:
    if event and event.domain_id and event.kind in MOVES:
        domains_moved([event.domain_id])
    # Once no sweep can write any more from what was so before the event.
    rows = [*rows, *(end_tickets(event) if event else [])]
    write_out(rows)
    if rows:
        jobs.ring("delivery")
