"""Our whole cycle of a visit: claim, look the name up, visit, judge, store. One line of stdin is one round.

The first line holds the hosts; afterwards each line makes all visits due and works them off.
"""

import json
import resource
import sys
from typing import Any

from django.core.management import call_command

from accounts.bootstrap import bootstrap_workspace
from accounts.models import Workspace
from auditlog.events import SYSTEM
from config.lib import clock, jobs
from domains.add import add_domain
from domains.models import Domain, Visit


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _prepare(order: dict[str, Any]) -> None:
    call_command("migrate", interactive=False, verbosity=0)
    made = bootstrap_workspace(email="b@bench.example", workspace_name="Bench", password=None, with_token=False)
    workspace = Workspace.objects.get(pk=str(made["workspace"]))
    for name, _ in order["hosts"]:
        add_domain(workspace=workspace, actor=SYSTEM, hostname=name, port=order["port"])
    # As most are: watched, with their website.
    Domain.unscoped.update(verified_at=clock.now())


def _round() -> float:
    Visit.unscoped.update(run_after=clock.now(), priority=jobs.BACKGROUND)
    before = _cpu_seconds()
    while jobs.due(jobs.kinds.get("visit")).exists():
        jobs.run_due("visit")
    used = _cpu_seconds() - before
    wrong = Visit.unscoped.exclude(error_code="", page_status=200, inspection__problems=[])
    if wrong.exists():
        row = wrong.select_related("inspection").first()
        raise RuntimeError(
            f"{row}: {row.error_code if row else ''} {row and row.inspection and row.inspection.problems}"
        )
    return used


def main() -> None:
    _prepare(json.loads(sys.stdin.readline()))
    for _ in sys.stdin:
        used = _round()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"cpu_seconds": used, "peak_mb": peak}), flush=True)
