"""The room's rows."""

from domains.models.address import AddressCheck
from domains.models.authority import WorkspaceRoot
from domains.models.batch import Batch, BatchKind, BatchLine, BatchState, LineState
from domains.models.domain import Domain, DomainTag, Mode, State, readable_name
from domains.models.feed import Feed, FeedKind
from domains.models.finding import Finding, Severity
from domains.models.hosting import Hosting
from domains.models.ownership import Ownership, new_token
from domains.models.revocation import RevocationList, RevocationWatch
from domains.models.tally import VisitTally
from domains.models.uptime import ProbeDay, ProbeHour
from domains.models.visit import Inspection, Visit

__all__ = [
    "AddressCheck",
    "Batch",
    "BatchKind",
    "BatchLine",
    "BatchState",
    "Domain",
    "DomainTag",
    "Feed",
    "FeedKind",
    "Finding",
    "Hosting",
    "Inspection",
    "LineState",
    "Mode",
    "Ownership",
    "ProbeDay",
    "ProbeHour",
    "RevocationList",
    "RevocationWatch",
    "Severity",
    "State",
    "Visit",
    "VisitTally",
    "WorkspaceRoot",
    "new_token",
    "readable_name",
]
