"""Our side of the claims: milliseconds of a claim of 500 and of a tick that finds nothing, among `count` domains.

DATABASE_URL=… python -c "import django; django.setup(); from tests.bench import claimer; claimer.main(1_000_000)"
"""

import json
import random
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection

from config.lib import clock, jobs
from domains.models import Visit
from tests.bench.fleet import settle

ROUNDS = 15
NAMES = [f"host{n}.bench.example" for n in range(500)]


def _milliseconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) * 1000


def _spread() -> None:
    """Each at a moment of its own in the coming quarter of an hour, as a running portal has them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE domains_visit SET run_after = now() + random() * interval '15 minutes' + interval '1 hour'"
        )
        cursor.execute("VACUUM ANALYZE domains_visit")


def _make_due(rows: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE domains_visit SET run_after = now() - interval '1 minute' WHERE id IN "
            "(SELECT id FROM domains_visit WHERE run_after > now() ORDER BY random() LIMIT %s)",
            [rows],
        )


def _give_back(rows: list[Visit]) -> None:
    Visit.unscoped.filter(pk__in=[row.pk for row in rows]).update(
        lease_token=None,
        lease_until=None,
        claims=0,
        run_after=clock.now() + timedelta(seconds=random.uniform(3600, 4500)),
    )


def main(count: int) -> None:
    settle(count, names=NAMES)
    kind = jobs.kinds.get("visit")
    _spread()
    idle = [_milliseconds(jobs.due(kind).exists) for _ in range(ROUNDS)]
    _make_due(ROUNDS * kind.batch)
    claims = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        rows = jobs.claim(kind)
        claims.append((time.perf_counter() - started) * 1000)
        if len(rows) != kind.batch:
            raise RuntimeError(f"{len(rows)} rows claimed")
        _give_back(rows)
    idle_after = [_milliseconds(jobs.due(kind).exists) for _ in range(ROUNDS)]
    print(
        json.dumps(
            {
                "claim_ms": statistics.median(claims),
                "idle_ms": max(statistics.median(idle), statistics.median(idle_after)),
            }
        )
    )
