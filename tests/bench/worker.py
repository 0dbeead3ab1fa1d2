"""Our side of a whole fleet's round: one worker that visits everything that is due, and says what it took.

Told by one line of JSON; prints one when it is through.
"""

import json
import resource
import sys
from typing import Any

from config.lib import clock, jobs
from domains.models import Visit
from tests.bench.fleet import settle
from tests.bench.memory import peak_mb

SLICE_SECONDS = 30.0


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def prepare(order: dict[str, Any]) -> None:
    """Settle a fleet that has been visited, and make all of it due."""
    settle(order["count"], names=order["names"], port=order["port"], visit=order["visited"])
    Visit.unscoped.update(run_after=clock.now(), priority=jobs.BACKGROUND)


def work(order: dict[str, Any]) -> None:
    before = _cpu_seconds()
    while jobs.run_due("visit", seconds=SLICE_SECONDS):
        pass
    used = _cpu_seconds() - before
    wrong = Visit.unscoped.exclude(error_code="", inspection__problems=[])
    if wrong.exists() or Visit.unscoped.filter(visited_at=None).exists():
        raise RuntimeError(f"{wrong.count()} visits went wrong: {wrong.values('error_code', 'error_params').first()}")
    print(json.dumps({"cpu_seconds": used, "peak_mb": peak_mb()}))


def main() -> None:
    order = json.loads(sys.stdin.readline())
    {"prepare": prepare, "work": work}[order["do"]](order)
