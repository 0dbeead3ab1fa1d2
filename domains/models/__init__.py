"""The room's rows."""

from domains.models.domain import HTTPS, Domain, DomainTag, Mode, State
from domains.models.feed import Feed, FeedKind
from domains.models.finding import Finding, Severity
from domains.models.hosting import Hosting
from domains.models.ownership import Ownership, new_token
from domains.models.tally import VisitTally
from domains.models.uptime import ProbeDay, ProbeHour
from domains.models.visit import Inspection, Visit

__all__ = [
    "HTTPS",
    "Domain",
    "DomainTag",
    "Feed",
    "FeedKind",
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
    "VisitTally",
    "new_token",
]
