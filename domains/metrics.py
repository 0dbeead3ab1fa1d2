"""This room's figures for /metrics: states, findings, and what visits came to. No host, no workspace."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator

from django.db.models import Count

from config.lib import clock
from config.lib.metrics import Family, collectors
from domains.models import Domain, Finding, State, VisitTally
from domains.writing import add_rows

# What the label says of a visit that saw a certificate.
SEEN = "seen"


def tally_visits(outcomes: Iterable[str]) -> None:
    """Count visits by their outcome, an error's code or empty; in the transaction that files them.

    Sorted, so that two workers wait for one another instead of both for ever; last in its transaction, so that
    they wait briefly.
    """
    now = clock.now()
    counts = sorted(Counter(outcomes).items())
    rows = [{"id": uuid.uuid4(), "outcome": name, "visits": count, "last_at": now} for name, count in counts]
    add_rows(VisitTally, rows, key=["outcome"], summed=["visits"], replaced=["last_at"])


def count_domains() -> Iterator[Family]:
    """Two counts over an index each; every state is there, so that a figure that falls to zero is seen to."""
    found = dict(Domain.unscoped.values_list("state").annotate(count=Count("*")).order_by())
    states = [({"state": state}, found.get(state, 0)) for state in State.values]
    yield Family("mmc_domains", "gauge", "Domains by their state.", states)
    rows = Finding.unscoped.filter(closed_at=None).values_list("code", "severity").annotate(count=Count("*")).order_by()
    findings = [({"code": code, "severity": severity}, count) for code, severity, count in sorted(rows)]
    yield Family("mmc_findings_open", "gauge", "Findings that are open, by code and severity.", findings)


def count_visits() -> Iterator[Family]:
    """A row per outcome there ever was."""
    tallies = list(VisitTally.objects.order_by("outcome"))
    done = [({"outcome": tally.outcome or SEEN}, tally.visits) for tally in tallies]
    yield Family("mmc_visits_total", "counter", "Visits that have ended, by their outcome.", done)
    latest = max((tally.last_at.timestamp() for tally in tallies), default=0.0)
    yield Family("mmc_visit_last_timestamp_seconds", "gauge", "When a visit last ended, in Unix time.", [({}, latest)])


collectors.add("domains", count_domains)
collectors.add("visits", count_visits)
