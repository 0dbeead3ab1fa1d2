"""The API about uptime."""

from datetime import datetime, timedelta
from typing import Any, Literal

from ninja import Router, Schema

from accounts.api import ApiRequest, operation, routers
from config.lib import clock
from domains.models import Domain
from domains.shapes import load_bare_domain
from domains.uptime import figures, reading
from domains.uptime.figures import PERIODS
from domains.uptime.packing import Probe

router = Router(tags=["Domains"])
routers.add("uptime", router)


class UptimeQuery(Schema):
    period: Literal["24h", "7d", "30d"] = "24h"


class ProbeOut(Schema):
    """`status`, `milliseconds` and `scheme` are null when neither HTTPS nor HTTP answered."""

    at: datetime
    status: int | None
    milliseconds: int | None
    scheme: Literal["https", "http"] | None
    up: bool


class OutageOut(Schema):
    """`ended_at` is null while it lasts, and where nobody looked when it ended (`is_over`)."""

    started_at: datetime
    ended_at: datetime | None
    is_over: bool
    probes: int


class UptimeOut(Schema):
    """`percent` is null when nobody looked; times without a look count neither way."""

    percent: float | None
    median_milliseconds: int | None
    p95_milliseconds: int | None
    outages: list[OutageOut]
    probes: list[ProbeOut]


@operation(
    router,
    "GET",
    "/domains/{id}/uptime",
    "domain.view",
    load=load_bare_domain,
    query=UptimeQuery,
    response=UptimeOut,
    summary="Uptime of the website",
)
def get_uptime(request: ApiRequest, domain: Domain, query: UptimeQuery) -> dict[str, Any]:
    """Every probe of the period, newest first, and what they amount to."""
    now = clock.now()
    probes = reading.probes_of(domain, reading.since_of(now, PERIODS[query.period].length), now)
    interval = timedelta(minutes=domain.workspace.monitor_interval_minutes)
    found = figures.latency(probes)
    return {
        "percent": figures.percent(probes),
        "median_milliseconds": found and found.median,
        "p95_milliseconds": found and found.p95,
        "outages": figures.outages(probes, now, figures.longest_silence(interval)),
        "probes": [show_probe(probe) for probe in reversed(probes)],
    }


def show_probe(probe: Probe) -> dict[str, Any]:
    is_answered = probe.status is not None
    return {
        "at": probe.at,
        "status": probe.status,
        "milliseconds": probe.milliseconds if is_answered else None,
        "scheme": probe.scheme or None,
        "up": probe.is_up,
    }
