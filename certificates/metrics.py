"""This room's figures for /metrics: how many renewals are due, and since when the oldest is. No host, no workspace."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Min

from certificates.renewal.lateness import PORTAL, WORKSPACE, due_renewals, held_by_portal
from config.lib import clock
from config.lib.metrics import Family, collectors


def count_renewals() -> Iterator[Family]:
    """One query over the due rows alone."""
    now = clock.now()
    ours = held_by_portal(now)
    asked: dict[str, Any] = {}
    for holder, which in ((PORTAL, ours), (WORKSPACE, ~ours)):
        asked |= {f"{holder}_due": Count("pk", filter=which), f"{holder}_since": Min("renew_at", filter=which)}
    row = due_renewals(now).order_by().aggregate(**asked)
    due = [({"held_by": holder}, row[f"{holder}_due"]) for holder in (PORTAL, WORKSPACE)]
    words = "Renewals whose moment has come and that have no new certificate yet, by who can help."
    yield Family("mmc_renewals_due", "gauge", words, due)
    oldest = [({"held_by": holder}, _seconds(row[f"{holder}_since"], now)) for holder in (PORTAL, WORKSPACE)]
    words = "For how long the renewal that is due longest has been due, by who can help."
    yield Family("mmc_renewals_oldest_due_seconds", "gauge", words, oldest)


def _seconds(since: datetime | None, now: datetime) -> float:
    return (now - since).total_seconds() if since else 0.0


collectors.add("renewals", count_renewals)
