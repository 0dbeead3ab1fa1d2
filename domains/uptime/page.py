"""What the Site uptime tab says: rows turned into what its templates take."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from config.lib import clock, wording
from domains.models import Domain
from domains.protocols import HTTPS
from domains.uptime import figures, reading
from domains.uptime.figures import PERIODS, Latency, Outage, Period
from domains.uptime.packing import Probe
from domains.uptime.probing import said
from domains.uptime.timeline import Timeline, draw

SHOWN_OUTAGES = 20


@dataclass(frozen=True)
class Shown:
    """One period of a domain's website. `shares` are the figures of all periods, for the links to them."""

    period: Period
    percent: float | None
    latency: Latency | None
    outages: list[dict[str, Any]]
    outage_count: int
    timeline: Timeline
    looks: int
    step: str
    shares: list[dict[str, Any]]
    year: reading.Year | None

    @property
    def more_outages(self) -> int:
        return self.outage_count - len(self.outages)

    @property
    def year_words(self) -> str:
        return percent_words(self.year.percent) if self.year else ""


def uptime_of(domain: Domain, period: Period, zone: tzinfo) -> Shown:
    """Two queries, whatever there is to show; `domain` loaded with its workspace."""
    now = clock.now()
    longest = max(PERIODS.values(), key=lambda one: one.length)
    kept = reading.probes_of(domain, reading.since_of(now, longest.length), now)
    since = reading.since_of(now, period.length)
    probes = [probe for probe in kept if probe.at >= since]
    interval = timedelta(minutes=domain.workspace.monitor_interval_minutes)
    found = figures.outages(probes, now, figures.longest_silence(interval))
    step = figures.step_of(period, interval)
    buckets = figures.without_empty_ends(figures.buckets(probes, since, now, step, zone), since, now)
    return Shown(
        period,
        figures.percent(probes),
        figures.latency(probes),
        [outage_row(one, now, zone) for one in found[:SHOWN_OUTAGES]],
        len(found),
        draw(buckets, zone, asks_http=domain.port == HTTPS),
        len(probes),
        wording.span(step.total_seconds()),
        [_share(one, kept, now, is_current=one is period) for one in PERIODS.values()],
        reading.year_of(domain, now),
    )


def _share(period: Period, kept: list[Probe], now: datetime, *, is_current: bool) -> dict[str, Any]:
    """One of the links, as `components/filters.html` takes them."""
    since = reading.since_of(now, period.length)
    share = figures.percent(probe for probe in kept if probe.at >= since)
    return {
        "label": period.key,
        "count": percent_words(share),
        "url": f"?period={period.key}",
        "is_current": is_current,
        "tone": "bad" if share is not None and share < 99 else "",
    }


def percent_words(share: float | None) -> str:
    """`99.98 %`; without superfluous noughts."""
    return "\N{EN DASH}" if share is None else f"{share:.2f}".rstrip("0").rstrip(".") + "\N{NO-BREAK SPACE}%"


def outage_row(outage: Outage, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """`words` say when and how long; `answer` what was seen first."""
    start = outage.started_at.astimezone(zone)
    day = wording.day(outage.started_at, now, zone)
    if outage.ended_at:
        end = outage.ended_at.astimezone(zone)
        until = f"{end:%H:%M}" if end.date() == start.date() else f"{wording.day(end, now, zone)}, {end:%H:%M}"
        lasted = wording.span((outage.ended_at - outage.started_at).total_seconds())
    else:
        until = "the end was not seen" if outage.is_over else "now"
        lasted = wording.span(((outage.last_at if outage.is_over else now) - outage.started_at).total_seconds())
        lasted = f"at least {lasted}" if outage.is_over else f"{lasted} so far"
    return {
        "when": f"{day}, {start:%H:%M}",
        "until": until,
        "lasted": lasted,
        "answer": said(outage.first),
        "looks": wording.counted(outage.probes, "look"),
        "is_over": outage.is_over,
    }
