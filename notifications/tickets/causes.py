"""Whether what a message tells is still so, by the facts: messages about its end come in any order."""

import uuid
from datetime import datetime

from auditlog.models import Event
from domains.models import Domain, Finding
from notifications.models import Delivery

# What ends the failures of a domain's issuing and deploying, and what was said about the end of its certificate.
ENDED_BY = {
    "issuance.failed": "certificate.issued",
    "renewal.refused": "certificate.issued",
    "deployment.failed": "deployment.succeeded",
    "deployment.partial": "deployment.succeeded",
    "certificate.expiring": "domain.certificate_changed",
    "certificate.expired": "domain.certificate_changed",
}


def has_ended(delivery: Delivery, at: datetime) -> bool:
    """Since `at`, when it was told to be so."""
    told = delivery.message.get("data", {})
    domains = Domain.objects.for_workspace(delivery.workspace_id)
    if delivery.domain_id and not domains.filter(pk=delivery.domain_id).exists():
        return True
    if told.get("finding"):
        return _is_closed(delivery.workspace_id, str(told["finding"]))
    end = ENDED_BY.get(str(told.get("kind") or delivery.message["type"]))
    rows = Event.unscoped.filter(domain_id=delivery.domain_id, kind=end, at__gt=at)
    return bool(end and delivery.domain_id) and rows.exists()


def _is_closed(workspace_id: uuid.UUID, number: str) -> bool:
    """A finding that is over never comes back: another one is opened."""
    return not Finding.objects.for_workspace(workspace_id).filter(pk=number, closed_at=None).exists()
