"""What somebody wants to see of what happened: the filters that page, exports and API share."""

import uuid
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache

from django.db.models import Q

from accounts.models import Workspace
from auditlog.kinds import KINDS, OF_NO_WORKSPACE
from auditlog.models import Event
from domains.listing import searched
from domains.models import Domain

STEP = "run.step"
# A renewal that something kept from being ordered; `auditlog.pages.refusals` shows it.
REFUSED = "renewal.refused"
SECURITY, RUNS = "security", "runs"
SHOWS = {"": "All", SECURITY: "Security", RUNS: "Runs"}
SEVERITIES = ("info", "warning", "critical")
# Beginnings of kinds: who may do what, with which key, and who took something out.
_OF_SECURITY = (
    *("user.", "member.", "token.", "staff.", "workspace.", "feed.", "log.", "ca.", "dns_provider.", "delegation."),
    *(
        "server.",
        "gateway.",
        "billing.card_",
        "certificate.downloaded",
        "certificate.deleted",
        "certificate.revo",
        "pull.",
    ),
    *("panel.saved", "panel.changed", "panel.deleted", "panel.trusted", "panel.certificate_changed"),
)
# What the runs tell themselves.
OF_RUNS = (
    *("issuance.", "certificate.issued", "deployment.", REFUSED),
    *("target.tested", "target.detected", "target.redirect_", "target.rehearsed", "panel.tested"),
)
_BEGINNINGS: Mapping[str, tuple[str, ...]] = {"": ("",), SECURITY: _OF_SECURITY, RUNS: (*OF_RUNS, STEP)}


@dataclass(frozen=True)
class Wanted:
    """Filters of lines; what is empty lets everything through. `domains` None: whatever domain, and none.

    `start` included, `end` not. `kind` is a kind, or a group of kinds that ends in a dot.
    """

    start: datetime | None = None
    end: datetime | None = None
    person: str = ""
    domains: frozenset[uuid.UUID] | None = None
    kind: str = ""
    severity: str = ""
    show: str = ""
    of_domains_only: bool = False

    @property
    def kinds(self) -> list[str] | None:
        """The kinds of events that are let through; None: all."""
        if not self.kind and not self.show:
            return None
        known = {*KINDS, self.kind} if not self.kind.endswith(".") else set(KINDS)
        return sorted(kind for kind in known if kind != STEP and self._lets_through(kind))

    @property
    def has_steps(self) -> bool:
        return self._lets_through(STEP)

    def _lets_through(self, kind: str) -> bool:
        is_chosen = kind.startswith(self.kind) if self.kind.endswith(".") else self.kind in ("", kind)
        return is_chosen and kind.startswith(_BEGINNINGS.get(self.show, ("",)))


@cache
def groups() -> dict[str, list[str]]:
    """Every kind that a workspace's log can hold by its group, which is the word before the dot."""
    found: dict[str, list[str]] = {}
    for kind in (*KINDS, STEP):
        if kind in OF_NO_WORKSPACE:
            continue
        found.setdefault(kind.partition(".")[0], []).append(kind)
    return {name: found[name] for name in sorted(found)}


def day_starts(day: date, workspace: Workspace) -> datetime:
    """The workspace's time zone decides the day."""
    return datetime.combine(day, time(), zoneinfo.ZoneInfo(workspace.time_zone))


def day_ends(day: date, workspace: Workspace) -> datetime:
    return day_starts(day + timedelta(days=1), workspace)


def domains_called(workspace: Workspace, name: str) -> frozenset[uuid.UUID]:
    """Domains of this name, on whatever port when none is given; also those that are gone."""
    wanted = searched(name)
    host, _, port = wanted.rpartition(":") if wanted.rpartition(":")[2].isdecimal() else (wanted, "", "")
    rows = Domain.objects.for_workspace(workspace).filter(Q(host=host) | Q(readable=host))
    if port:
        rows = rows.filter(port=min(int(port), 65536))
    gone = Event.objects.for_workspace(workspace).filter(
        kind__in=["domain.deleted", "domain.purged"], domain_label=wanted
    )
    gone_ids = gone.exclude(domain_id=None).values_list("domain_id", flat=True)
    return frozenset([*rows.values_list("pk", flat=True), *(key for key in gone_ids if key)])
