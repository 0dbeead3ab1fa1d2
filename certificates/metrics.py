"""This room's figures for /metrics: how many renewals are due, and since when the oldest is. No host, no workspace."""

from collections.abc import Iterator

from django.db.models import Count, Min

from certificates.renewal.lateness import due_renewals
from config.lib import clock
from config.lib.metrics import Family, collectors


def count_renewals() -> Iterator[Family]:
    """One query over the due rows alone."""
    now = clock.now()
    row = due_renewals(now).order_by().aggregate(due=Count("renew_at"), since=Min("renew_at"))
    words = "Renewals whose moment has come and that have no new certificate yet."
    yield Family("mmc_renewals_due", "gauge", words, [({}, row["due"])])
    oldest = (now - row["since"]).total_seconds() if row["since"] else 0.0
    words = "For how long the renewal that is due longest has been due."
    yield Family("mmc_renewals_oldest_due_seconds", "gauge", words, [({}, oldest)])


collectors.add("renewals", count_renewals)
