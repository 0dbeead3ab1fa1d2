"""Which events fire which rules, which findings belong to which, and which move a domain's next moment."""

from collections.abc import Mapping

from auditlog.models import Event
from domains.models import Finding
from notifications.models import Trigger

# What a visit, a fetched list, a proof or a probe finds; the findings of issuing and deploying are told when they
# happen, by the events of the same transaction.
TOLD_BY_EVENTS = frozenset({"issuance", "deploy"})
# `expiring` is what the rules about days are for; a renewal that failed is told by its event, once.
TOLD_OTHERWISE = frozenset({"expiring", "renewal_failed"})
# Acknowledging one of these ends the reminders about days as well.
NEAR_THE_END = frozenset({"expiring", "expired"})

_SOURCES: Mapping[str, str] = {
    "uptime": Trigger.SITE,
    "readiness": Trigger.READINESS,
    "balance": Trigger.BALANCE,
}
_CODES: Mapping[str, str] = {
    "renewal_overdue": Trigger.OVERDUE,
    "renewal_blocked": Trigger.OVERDUE,
    "renewal_not_begun": Trigger.OVERDUE,
    "certificate_expired": Trigger.OVERDUE,
    "ca_wants_renewal": Trigger.OVERDUE,
    "ca_wants_renewal_by_hand": Trigger.OVERDUE,
}

# Rules whose moment the sweep finds in findings; all the others but EXPIRY fire with their event.
FINDING_TRIGGERS = frozenset({*_SOURCES.values(), *_CODES.values(), Trigger.PROBLEM})
SWEPT = frozenset({*FINDING_TRIGGERS, Trigger.EXPIRY})

_FAILURES = (Trigger.RENEWAL, Trigger.RENEWAL_FAILED)
_EVENTS: Mapping[str, tuple[str, ...]] = {
    "certificate.issued": (Trigger.RENEWAL,),
    "issuance.failed": _FAILURES,
    "renewal.refused": _FAILURES,
    "deployment.succeeded": (Trigger.RENEWAL,),
    "deployment.partial": _FAILURES,
    "deployment.failed": _FAILURES,
    "domain.certificate_changed": (Trigger.CHANGED,),
}
# After these the domain's rules may fire at another moment, or other rules match it.
MOVES = frozenset(
    {
        *(
            "domain.verified",
            "domain.changed",
            "domain.automation_changed",
            "domain.certificate_seen",
            "domain.certificate_changed",
        ),
        *("domain.certificates_alternate", "finding.opened", "finding.closed"),
    }
)


def trigger_of(finding: Finding) -> str:
    """What kind of rule speaks of it; empty: none does."""
    if finding.source in TOLD_BY_EVENTS or finding.code in TOLD_OTHERWISE:
        return ""
    known = _SOURCES.get(finding.source) or _CODES.get(finding.code)
    if known:
        return known
    return "" if finding.severity == "info" else Trigger.PROBLEM


def triggers_of(event: Event) -> tuple[str, ...]:
    """What kinds of rules fire when it happens."""
    if event.kind == "finding.closed":
        return (Trigger.SITE,) if event.data.get("source") == "uptime" else ()
    return _EVENTS.get(event.kind, ())
