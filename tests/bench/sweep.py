"""What looking at rules costs: 100,000 domains with ten rules, most of them with nothing to say."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from accounts.models import Workspace
from config.lib import clock, jobs
from domains.models import Domain, Inspection, Visit
from notifications.models import Delivery, Rule, Trigger, Watch

DOMAINS, RULES, DUE = 100_000, 10, 1_000
SLICE = 5_000


def _plant() -> None:
    home = Workspace.objects.create(name="Bench")
    now = clock.now()
    Rule.unscoped.bulk_create(
        Rule(workspace=home, name=f"{n}", trigger=Trigger.EXPIRY, channel="email", days_before_expiry=3 * n + 1,
             recipients=["ops@example.net"])
        for n in range(RULES)
    )  # fmt: skip
    for start in range(0, DOMAINS, SLICE):
        hosts = [f"h{n}.example.org" for n in range(start, start + SLICE)]
        domains = [Domain(workspace=home, host=host, verified_at=now, state="ok") for host in hosts]
        seen = [
            Inspection(workspace=home, domain=one, seen_at=now, chain_sha256=one.host, fingerprint_sha256=one.host)
            for one in domains
        ]
        # A tenth is inside the days of its rules, the rest has nothing to say for weeks.
        ends = [now + timedelta(days=2 if number % 10 == 0 else 60) for number in range(SLICE)]
        Domain.unscoped.bulk_create(domains)
        Inspection.unscoped.bulk_create(seen)
        Visit.unscoped.bulk_create(
            Visit(workspace=home, domain=one, inspection=found, not_before=end - timedelta(days=90), not_after=end)
            for one, found, end in zip(domains, seen, ends, strict=True)
        )
        Watch.unscoped.bulk_create(
            Watch(workspace=home, domain=one, run_after=now + timedelta(hours=20)) for one in domains
        )


def _cpu_ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


def _make_due(days: int) -> None:
    now = clock.now()
    rows = Visit.unscoped.filter(not_after__range=(now + timedelta(days=days - 1), now + timedelta(days=days)))
    keys = list(rows.values_list("domain_id", flat=True)[:DUE])
    Watch.unscoped.filter(domain_id__in=keys).update(run_after=now)


def main() -> None:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    _plant()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    kind = jobs.kinds.get("watch")
    idle = []
    for _ in range(15):
        began = time.perf_counter()
        jobs.claim(kind)
        idle.append((time.perf_counter() - began) * 1000)
    found = {"idle_ms": statistics.median(idle)}
    for name, days in (("quiet", 60), ("firing", 2)):
        _make_due(days)
        began = time.perf_counter()
        found[f"{name}_cpu_ms"] = _cpu_ms(lambda: jobs.run_due("watch"))
        found[f"{name}_seconds"] = time.perf_counter() - began
    found["deliveries"] = Delivery.unscoped.count()
    sys.stdout.write(json.dumps(found) + "\n")
