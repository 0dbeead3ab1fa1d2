"""The room's rows."""

from domains.models.domain import Domain, DomainTag, Mode, State
from domains.models.finding import Finding, Severity
from domains.models.hosting import Hosting
from domains.models.ownership import Ownership, new_token
from domains.models.uptime import ProbeDay, ProbeHour
from domains.models.visit import Inspection, Visit

__all__ = [
    "Domain",
    "DomainTag",
    "Finding",
    "Hosting",
    "Inspection",
    "Mode",
    "Ownership",
    "ProbeDay",
    "ProbeHour",
    "Severity",
    "State",
    "Visit",
    "new_token",
]
