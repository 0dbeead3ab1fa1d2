"""Probes into rows: a handful of statements for a whole batch of visits."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from config.lib import clock
from domains.models import ProbeDay, ProbeHour, Visit
from domains.uptime.packing import Probe, hour_of, pack
from domains.writing import add_rows

HOURS_KEPT = timedelta(days=30)
DAYS_KEPT = timedelta(days=365)
# A whole batch's oldest day is at most 12,000 rows of hours. What a longer pause has left goes over some days.
PRUNED_AT_ONCE = 20_000
BOUNDS = (50, 100, 200, 400, 800, 1600, 3200)
HISTOGRAM = (*(f"within_{bound}" for bound in BOUNDS), "slower")
_SUMMED = ("probes", "up", "milliseconds", *HISTOGRAM)

type Found = tuple[Visit, Probe]


def file_probes(found: Sequence[Found]) -> None:
    """Add these probes, at most one of a domain, to its hour and its day; drop what is too old.

    Runs in the transaction that takes the visits' leases back, after it was found that they are still
    ours: that is what keeps a visit that is filed twice from being counted twice.
    """
    add_rows(ProbeHour, [_hour(*one) for one in found], key=("domain_id", "hour"), joined=("packed",))
    days = {uuid.uuid4(): one for one in found}
    new = add_rows(ProbeDay, [_day(key, *one) for key, one in days.items()], key=("domain_id", "day"), summed=_SUMMED)
    _prune([days[key][0].domain_id for key in new])


def _hour(visit: Visit, probe: Probe) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "workspace_id": visit.workspace_id,
        "domain_id": visit.domain_id,
        "hour": hour_of(probe.at),
        "packed": pack(probe),
    }


def _day(key: uuid.UUID, visit: Visit, probe: Probe) -> dict[str, Any]:
    return {
        "id": key,
        "workspace_id": visit.workspace_id,
        "domain_id": visit.domain_id,
        "day": hour_of(probe.at).date(),
        **tally(probe),
    }


def tally(probe: Probe) -> dict[str, int]:
    """What one probe adds to the figures of its day."""
    counts = dict.fromkeys(_SUMMED, 0) | {"probes": 1}
    if probe.is_up:
        place = sum(probe.milliseconds > bound for bound in BOUNDS)
        counts |= {"up": 1, "milliseconds": probe.milliseconds, HISTOGRAM[place]: 1}
    return counts


def _prune(domain_ids: Iterable[uuid.UUID]) -> None:
    """Once a day and domain, with its first probe of the day: costs what has become too old since."""
    keys = list(domain_ids)
    if not keys:
        return
    now = clock.now()
    old_hours = ProbeHour.unscoped.filter(domain_id__in=keys, hour__lt=hour_of(now - HOURS_KEPT))
    old_days = ProbeDay.unscoped.filter(domain_id__in=keys, day__lt=(now - DAYS_KEPT).date())
    ProbeHour.unscoped.filter(pk__in=old_hours.values("pk")[:PRUNED_AT_ONCE]).delete()
    ProbeDay.unscoped.filter(pk__in=old_days.values("pk")[:PRUNED_AT_ONCE]).delete()
