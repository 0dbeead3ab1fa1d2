"""Which certificates a list shows: filters that are totals, and a search by name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts.models import Workspace
from certificates.models import Certificate, CertificateName
from config.lib import clock
from domains.listing import searched

Source = Certificate.Source


@dataclass(frozen=True)
class Filter:
    """`condition(now)` of the rows that it shows."""

    key: str
    label: str
    tone: str
    condition: Callable[[datetime], Q]


def _valid(now: datetime) -> Q:
    return Q(not_after__gte=now, revoked_at=None)


FILTERS = (
    Filter("", "All", "", lambda _: Q()),
    Filter("valid", "Valid", "ok", _valid),
    Filter("expired", "Expired", "bad", lambda now: Q(not_after__lt=now)),
    Filter("revoked", "Revoked", "bad", lambda _: Q(revoked_at__isnull=False)),
    Filter("issued", "Issued here", "", lambda _: Q(source=Source.ACME)),
    Filter("uploaded", "Uploaded", "", lambda _: Q(source=Source.UPLOAD)),
)


def matching(workspace: Workspace, *, q: str = "", show: str = "") -> QuerySet[Certificate]:
    """The rows of one filter under a search, unordered."""
    condition = next((one.condition for one in FILTERS if one.key == show), FILTERS[0].condition)
    return _searched(workspace, q).filter(condition(clock.now()))


def totals(workspace: Workspace, *, q: str = "") -> dict[str, int]:
    """How many rows each filter shows under the same search. One query."""
    now = clock.now()
    counts: dict[str, Any] = {one.key or "all": Count("pk", filter=one.condition(now)) for one in FILTERS if one.key}
    found = _searched(workspace, q).aggregate(all=Count("pk"), **counts)
    return {name: int(count) for name, count in found.items()}


def _searched(workspace: Workspace, q: str) -> QuerySet[Certificate]:
    rows = Certificate.objects.for_workspace(workspace)
    wanted = searched(q.replace("\0", ""))
    if not wanted:
        return rows
    names = CertificateName.objects.for_workspace(workspace).filter(name__contains=wanted)
    return rows.filter(pk__in=names.values("certificate"))
