"""Which events somebody asks for: filters as people and programs give them, and pages by cursor."""

import uuid
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet

from accounts.models import Workspace
from auditlog.kinds import KINDS
from auditlog.models import Event

# The quick filters, each by how its kinds begin.
VIEWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "security": (
        "Security",
        (
            *("user.", "member.", "token.", "workspace.", "staff.", "server.", "gateway.", "dns_provider.", "ca."),
            *("certificate.downloaded", "certificate.revo", "certificate.deleted", "target.saved", "target.deleted"),
            *("billing.", "feed.", "log."),
        ),
    ),
    "runs": ("Runs", ("issuance.", "certificate.issued", "deployment.", "target.tested", "target.detected")),
}


@dataclass(frozen=True)
class Search:
    """`start` and `end` are days of the workspace's, both included; empty means no limit."""

    view: str = ""
    start: date | None = None
    end: date | None = None
    person: str = ""
    domain: str = ""
    kind: str = ""
    severity: str = ""

    def in_words(self) -> list[str]:
        """What an export says at its head."""
        told = {
            "only": VIEWS[self.view][0] if self.view else "",
            "from": self.start.isoformat() if self.start else "",
            "to": self.end.isoformat() if self.end else "",
            "person": self.person,
            "domain": self.domain,
            "kind": self.kind,
            "severity": self.severity,
        }
        return [f"{name}: {value}" for name, value in told.items() if value]


def kinds_of(view: str) -> list[str]:
    return [kind for kind in KINDS if kind.startswith(VIEWS[view][1])]


def events_of(workspace: Workspace, chosen: Search) -> QuerySet[Event]:
    """The newest first."""
    rows = Event.objects.for_workspace(workspace).order_by("-at", "-id")
    zone = zoneinfo.ZoneInfo(workspace.time_zone)
    if chosen.start:
        rows = rows.filter(at__gte=datetime.combine(chosen.start, time(), zone))
    if chosen.end:
        rows = rows.filter(at__lt=datetime.combine(chosen.end + timedelta(days=1), time(), zone))
    equal = {"actor_label": chosen.person, "domain_label": chosen.domain, "severity": chosen.severity}
    rows = rows.filter(**{name: value for name, value in equal.items() if value})
    if chosen.kind:
        return rows.filter(kind=chosen.kind)
    return rows.filter(kind__in=kinds_of(chosen.view)) if chosen.view else rows


@dataclass(frozen=True)
class Slice:
    """`older` is the cursor of the next page; empty on the last."""

    events: Sequence[Event]
    older: str


def page_before(rows: QuerySet[Event], cursor: str, limit: int) -> Slice:
    """By the position of the last row that was shown, so that page 1,000 costs what page 1 costs."""
    before = _position(cursor)
    if before:
        at, key = before
        rows = rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=key), at__lte=at)
    found = list(rows[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    return Slice(found[:limit], f"{last.at.isoformat()}~{last.pk}" if last else "")


def _position(cursor: str) -> tuple[datetime, uuid.UUID] | None:
    """A cursor that is none shows the first page."""
    at, _, key = cursor.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        return (moment, uuid.UUID(key)) if moment.tzinfo else None
    except ValueError:
        return None
