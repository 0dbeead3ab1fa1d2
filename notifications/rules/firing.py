"""Rules that fire with an event: once, whenever the event is read again."""

from collections.abc import Sequence

from auditlog.models import Event
from domains.models import Domain
from notifications.models import Delivery, Rule
from notifications.outbox import put_out, read_outlets
from notifications.rules.events import triggers_of
from notifications.rules.matching import matching, rules_about, tags_of
from notifications.rules.telling import tell_event


def rules_fired_by(event: Event) -> list[Rule]:
    """Those that match the event's domain and are not paused; of a domain that is gone, those about all domains."""
    triggers = triggers_of(event)
    if not triggers or event.workspace_id is None:
        return []
    domains = [event.domain_id] if event.domain_id else []
    rows = rules_about([event.workspace_id], domains).filter(trigger__in=triggers, paused_at=None)
    if event.domain_id is None:
        return [rule for rule in rows if not rule.tag]
    return matching(rows, event.domain_id, tags_of(domains)[event.domain_id])


def deliveries_about(event: Event, rules: Sequence[Rule]) -> list[Delivery]:
    """What the rules say of it, not yet written."""
    if not rules or event.workspace_id is None:
        return []
    rows = Domain.objects.for_workspace(event.workspace_id).select_related("workspace", "visit__inspection")
    domain = rows.filter(pk=event.domain_id).first() if event.domain_id else None
    outlets = read_outlets(event.workspace_id)
    return [
        delivery
        for rule in rules
        for delivery in put_out(rule, tell_event(event, domain, rule.trigger), str(event.pk), outlets)
    ]
