"""Whose look comes later: those that an address has no room for now, and those that are asked for too often."""

import random
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q

from auditlog.events import Actor
from auditlog.models import Event
from config.lib import clock, egress, jobs
from config.lib.errors import Transient
from domains.models import Domain, Visit
from domains.writing import update_rows

# What makes the portal connect to a host because somebody pressed a button or called the API.
ASKING = ("domain.inspection_asked", "domain.detection_asked", "domain.addresses_asked")
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


def require_patience(domain: Domain, actor: Actor | None) -> None:
    """Raises Transient("checked_too_often") after ASKED_AT_MOST looks at one host within a minute in one workspace.

    All ports of a host count together, or asking for one after the other would make a port scanner of the
    portal. Hosts whose address the operator opened are free, and so is what the portal does by itself.
    """
    if actor is None or actor.kind == "system" or _is_own(domain):
        return
    now = clock.now()
    # By name rather than by row: deleting the domain and adding it again starts no new count.
    same_host = Q(domain_label=domain.host) | Q(domain_label__startswith=f"{domain.host}:")
    events = Event.objects.for_workspace(domain.workspace_id).exclude(actor_kind="system")
    asked = events.filter(same_host, kind__in=ASKING, at__gt=now - ASKED_WITHIN)
    times = list(asked.order_by("-at").values_list("at", flat=True)[:ASKED_AT_MOST])
    if len(times) == ASKED_AT_MOST:
        raise Transient("checked_too_often", host=domain.host, most=ASKED_AT_MOST, retry_at=times[-1] + ASKED_WITHIN)


def _is_own(domain: Domain) -> bool:
    """Whether the host was last seen at an address that EGRESS_ALLOW_CIDRS opens."""
    known = Visit.unscoped.filter(domain=domain).values_list("address", "inspection__address").first() or ()
    return any(egress.is_opened(address) for address in known if address)
