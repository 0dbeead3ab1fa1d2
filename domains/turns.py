"""Whose look comes later: those that an address has no room for now, and those that are asked for too often."""

import random
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Concat, Left, StrIndex

from auditlog.events import Actor
from auditlog.models import Event
from config.lib import clock, egress, jobs
from config.lib.errors import Transient
from domains.models import Domain, Visit
from domains.writing import update_rows

# What makes the portal connect to a host because somebody pressed a button or called the API.
ASKING = ("domain.added", "domain.inspection_asked", "domain.detection_asked", "domain.addresses_asked")
ASKED_AT_MOST = 20
ASKED_WITHIN = timedelta(minutes=1)


def put_off(waits: Sequence[tuple[Visit, float]]) -> None:
    """Give these rows back, each due in so many seconds. No attempt is counted: nothing has failed.

    Whoever asked goes on waiting, and is told until when; a little jitter parts those who wait for one turn.
    """
    now = clock.now()
    rows = [
        {
            "id": row.pk,
            "run_after": now + timedelta(seconds=wait + random.random()),  # noqa: S311  (no secret)
            "lease_token": row.lease_token,
            "lease_until": None,
            "claims": 0,
        }
        for row, wait in waits
    ]
    update_rows(Visit, rows, only_if="lease_token", released="lease_token")
    asked = [wait for row, wait in waits if row.priority == jobs.INTERACTIVE]
    if asked:
        jobs.ring("visit", interactive=True, after=timedelta(seconds=min(asked) + 1))


def require_patience(domain: Domain, actor: Actor | None, *, counted: int = 0) -> None:
    """Raises Transient("checked_too_often") after ASKED_AT_MOST looks at one host within a minute in one workspace.

    All ports of a host count together, or asking for one after the other would make a port scanner of the
    portal. Hosts whose address the operator opened are free, and so is what the portal does by itself.
    `counted` of the looks are this one, told already.
    """
    if actor is None or actor.kind == "system" or _is_own(domain):
        return
    # By name rather than by row: deleting the domain and adding it again starts no new count.
    same_host = Q(domain_label=domain.host) | Q(domain_label__startswith=f"{domain.host}:")
    asked = _asked_lately(domain.workspace_id).filter(same_host)
    times = list(asked.order_by("-at").values_list("at", flat=True)[counted : counted + ASKED_AT_MOST])
    if len(times) == ASKED_AT_MOST:
        raise Transient("checked_too_often", host=domain.host, most=ASKED_AT_MOST, retry_at=times[-1] + ASKED_WITHIN)


def impatient(domains: Sequence[Domain]) -> dict[uuid.UUID, Transient]:
    """Those of one workspace's domains, each asked for once in this order, that `require_patience` would refuse.

    One query, and one more for each host that is asked for too often.
    """
    counts = _counted({domain.host for domain in domains}, domains[0].workspace_id) if domains else Counter()
    found = {}
    for domain in domains:
        counts[domain.host] += 1
        if counts[domain.host] > ASKED_AT_MOST and not _is_own(domain):
            found[domain.pk] = Transient("checked_too_often", host=domain.host, most=ASKED_AT_MOST)
    return found


def _counted(hosts: Iterable[str], workspace_id: uuid.UUID) -> Counter[str]:
    """How often each host was asked for within the last minute."""
    ends = StrIndex(Concat(F("domain_label"), Value(":")), Value(":"))
    events = _asked_lately(workspace_id).annotate(host=Left("domain_label", ends - 1)).filter(host__in=hosts)
    return Counter(events.order_by().values_list("host", flat=True))


def _asked_lately(workspace_id: uuid.UUID) -> QuerySet[Event]:
    events = Event.objects.for_workspace(workspace_id).exclude(actor_kind="system")
    return events.filter(kind__in=ASKING, at__gt=clock.now() - ASKED_WITHIN)


def _is_own(domain: Domain) -> bool:
    """Whether the host, on any of its ports, was last seen at an address that EGRESS_ALLOW_CIDRS opens."""
    rows = Visit.objects.for_workspace(domain.workspace_id).filter(domain__host=domain.host)
    known = rows.values_list("address", "inspection__address")
    return any(egress.is_opened(address) for both in known for address in both if address)
