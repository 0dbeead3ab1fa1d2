"""What the Alerts tab of a domain shows: what is wrong, what comes, what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.lib import errors
from domains.listing import by_weight
from domains.models import Domain, Finding
from notifications.models import Delivery
from notifications.outbox import read_outlets, recipients_in_words, ways
from notifications.rules.saving import scope_in_words, when_in_words
from notifications.rules.upcoming import Upcoming, upcoming

SENT_SHOWN = 20
WAYS_SHOWN = 3


@dataclass(frozen=True)
class Coming:
    """A rule that matches, with where its messages go."""

    next: Upcoming
    when: str
    scope: str
    by: Sequence[str]
    more: int
    is_due: bool


@dataclass(frozen=True)
class Incident:
    finding: Finding
    wording: errors.Wording


def incidents_of(domain: Domain) -> list[Incident]:
    """Open findings, the most severe first; those that somebody knows of already after the others."""
    rows = by_weight(Finding.objects.for_workspace(domain.workspace_id).filter(domain=domain, closed_at=None))
    rows.sort(key=lambda one: one.acknowledged_at is not None)
    return [Incident(one, errors.describe(one.code, one.params)) for one in rows]


def coming_of(domain: Domain, now: datetime) -> list[Coming]:
    """Every rule that matches, the one that speaks next first."""
    outlets = read_outlets(domain.workspace_id)
    found = []
    for one in upcoming(domain, now):
        if one.rule.domain_id:
            one.rule.domain = domain
        by = recipients_in_words(ways(one.rule, outlets))
        scope = "this domain" if one.rule.domain_id else scope_in_words(one.rule)
        more = max(0, len(by) - WAYS_SHOWN)
        found.append(Coming(one, when_in_words(one.rule), scope, by[:WAYS_SHOWN], more, one.is_due(now)))
    return sorted(found, key=lambda one: (one.next.at is None, one.next.at or now))


def sent_of(domain: Domain) -> Sequence[Delivery]:
    rows: Any = Delivery.objects.for_workspace(domain.workspace_id).filter(domain_id=domain.pk)
    return list(rows.select_related("gateway", "rule").order_by("-created_at", "-id")[:SENT_SHOWN])
