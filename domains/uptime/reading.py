"""Probes and daily figures out of the rows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter

from django.db.models import Min, Sum

from domains.models import Domain, ProbeDay, ProbeHour
from domains.uptime.figures import percent_of
from domains.uptime.filing import BOUNDS, DAYS_KEPT, HISTOGRAM
from domains.uptime.packing import Probe, hour_of, unpack


@dataclass(frozen=True)
class Year:
    """The days that are kept; 95 answers in 100 came `within` milliseconds. None: slower, or no answer at all."""

    since: date
    percent: float
    within: int | None


def probes_of(domain: Domain, since: datetime, until: datetime) -> list[Probe]:
    """All probes between the two, both included, in the order of time; one query."""
    hours = ProbeHour.objects.for_workspace(domain.workspace_id).filter(
        domain=domain, hour__gte=hour_of(since), hour__lte=until
    )
    rows = hours.values_list("hour", "packed")
    found = [probe for hour, packed in rows for probe in unpack(hour, packed) if since <= probe.at <= until]
    return sorted(found, key=attrgetter("at"))


def year_of(domain: Domain, now: datetime) -> Year | None:
    """What a year of days, or as many as there are, amounts to; one query. None before the first probe."""
    days = ProbeDay.objects.for_workspace(domain.workspace_id).filter(domain=domain, day__gte=(now - DAYS_KEPT).date())
    sums = days.aggregate(since=Min("day"), **{name: Sum(name) for name in ("probes", "up", *HISTOGRAM)})
    share = percent_of(sums["up"] or 0, sums["probes"] or 0)
    if share is None:
        return None
    return Year(sums["since"], share, _within([sums[name] for name in HISTOGRAM]))


def _within(counts: list[int]) -> int | None:
    """The first bound that 95 in 100 of all keep."""
    total, seen = sum(counts), 0
    for bound, count in zip(BOUNDS, counts, strict=False):
        seen += count
        if seen and seen * 100 >= total * 95:
            return bound
    return None


def since_of(now: datetime, length: timedelta) -> datetime:
    """The beginning of a period that ends now, on a full second, as probes are kept."""
    return (now - length).replace(microsecond=0)
