"""Acknowledging what is wrong with a domain, and taking that back: the finding and the alarms about it."""

from django.db import transaction
from django.db.models import QuerySet

from auditlog.events import Actor
from config.lib import clock
from domains.findings import acknowledge_finding, unacknowledge_finding
from domains.models import Finding
from notifications.models import Alarm, Trigger
from notifications.rules.events import NEAR_THE_END
from notifications.rules.watching import make_due, watches_of


def acknowledge(*, finding: Finding, actor: Actor, note: str) -> None:
    """Nobody is reminded of it any more. Repeatable. Raises NeedsUser: finding_closed, note_too_long."""
    with transaction.atomic():
        # The watch before what hangs on it, as the sweep does: what it has just computed is then not written.
        make_due(watches_of(finding.workspace_id, domain_id=finding.domain_id))
        acknowledge_finding(finding=finding, actor=actor, note=note)
        for alarms in _alarms_about(finding):
            alarms.filter(acknowledged_at=None).update(acknowledged_at=clock.now())


def unacknowledge(*, finding: Finding, actor: Actor) -> None:
    """Whoever is to be reminded of it is again, after the cooldown. Repeatable. Raises NeedsUser finding_closed."""
    with transaction.atomic():
        make_due(watches_of(finding.workspace_id, domain_id=finding.domain_id))
        unacknowledge_finding(finding=finding, actor=actor)
        for alarms in _alarms_about(finding):
            alarms.update(acknowledged_at=None)


def _alarms_about(finding: Finding) -> list[QuerySet[Alarm]]:
    """Those about the finding, and where a certificate nears its end those of the rules about days before expiry."""
    alarms = Alarm.objects.for_workspace(finding.workspace_id).filter(domain_id=finding.domain_id)
    about = [alarms.filter(finding=finding)]
    if finding.code in NEAR_THE_END:
        about.append(alarms.filter(rule__trigger=Trigger.EXPIRY))
    return about
