"""`/metrics`: figures of the whole portal in Prometheus' text format."""

import hmac
import ipaddress
import time
from collections.abc import Iterator

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.access import public_view
from config.due import OVERDUE, due_of
from config.lib import clock, jobs
from config.lib.metrics import CONTENT_TYPE, Family, collectors, written
from config.models import Heartbeat
from config.pausing import current_pause

# Counting a million domains takes a good part of a second, and several may scrape: it is done once in this time.
FRESH_SECONDS = 30.0
# Whoever counts may die over it; the figures before are then shown a little longer.
KEPT_SECONDS = 600
_FORWARDED = ("X-Forwarded-For", "X-Real-Ip", "Forwarded")


@public_view("asked by Prometheus, with METRICS_TOKEN or from this machine")
@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """The figures, at most FRESH_SECONDS old unless somebody is counting them anew just now."""
    if not _may_read(request):
        headers = {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}
        return HttpResponse("Not for you.\n", status=401, content_type="text/plain; charset=utf-8", headers=headers)
    counted_at, text = _figures()
    age = Family(
        "mmc_metrics_age_seconds", "gauge", "How long ago these figures were counted.", [({}, _since(counted_at))]
    )
    return HttpResponse(text + written([age]), content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode(), settings.METRICS_TOKEN.encode()
        )
    # Behind a proxy on this machine everybody seems to come from loopback.
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and not any(name in request.headers for name in _FORWARDED)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _figures() -> tuple[float, str]:
    """(when they were counted, the text). One of all processes counts, the others show what it counted last."""
    kept: tuple[float, str] | None = cache.get("metrics")
    if kept and (_since(kept[0]) < FRESH_SECONDS or not cache.add("metrics:counting", 1, timeout=FRESH_SECONDS)):
        return kept
    counted = clock.now().timestamp(), written(count_all())
    cache.set("metrics", counted, timeout=KEPT_SECONDS)
    cache.delete("metrics:counting")
    return counted


def _since(moment: float) -> float:
    return max(0.0, clock.now().timestamp() - moment)


def count_all() -> Iterator[Family]:
    """Every family, and how long the counting itself took."""
    began = time.monotonic()
    for collect in collectors:
        yield from collect()
    took = time.monotonic() - began
    yield Family("mmc_metrics_count_seconds", "gauge", "How long it took to count these figures.", [({}, took)])


def count_jobs() -> Iterator[Family]:
    """The queues of all rooms; one query per kind of job, over the due rows alone."""
    now = clock.now()
    found = {kind.name: due_of(kind, now) for kind in jobs.kinds}
    for name, words, column in (
        ("mmc_jobs_due", "Jobs whose time has come, those at work included.", "due"),
        ("mmc_jobs_overdue", f"Jobs that have been due for more than {OVERDUE.seconds} seconds.", "overdue"),
        ("mmc_jobs_oldest_due_seconds", "For how long the job that is due longest has been due.", "oldest"),
    ):
        yield Family(name, "gauge", words, [({"kind": kind}, getattr(row, column)) for kind, row in found.items()])


def count_portal() -> Iterator[Family]:
    """Whether anything is begun at all, and whether beat's ring comes through."""
    beats = [({"queue": beat.queue}, beat.at.timestamp()) for beat in Heartbeat.objects.order_by("queue")]
    words = "When a worker of this queue was last rung by beat, in Unix time."
    yield Family("mmc_heartbeat_timestamp_seconds", "gauge", words, beats)
    paused = 1 if current_pause() else 0
    yield Family("mmc_paused", "gauge", "1 while nothing is begun until a person says so, else 0.", [({}, paused)])


collectors.add("jobs", count_jobs)
collectors.add("portal", count_portal)
