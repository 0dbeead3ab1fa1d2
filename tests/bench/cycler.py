"""Our whole cycle of a visit: claim, visit, judge, store. One line of stdin is one round.

The first line holds the hosts; afterwards each line makes all visits due and works them off. `http` false leaves
out the front page, and `dns` false the look-up: then each name leads at once to the address that the line gave.
"""

import json
import resource
import sys
from typing import Any
from unittest.mock import patch

from django.core.management import call_command

from accounts.bootstrap import bootstrap_workspace
from accounts.models import Workspace
from auditlog.events import SYSTEM
from config.lib import clock, egress, jobs
from config.lib.egress import connect
from domains.add import add_domain
from domains.models import Domain, Visit
from domains.uptime import probing


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


def _work_off() -> float:
    Visit.unscoped.update(run_after=clock.now(), priority=jobs.BACKGROUND)
    before = _cpu_seconds()
    while jobs.due(jobs.kinds.get("visit")).exists():
        jobs.run_due("visit")
    return _cpu_seconds() - before


def _round(order: dict[str, Any], addresses: dict[str, str]) -> float:
    async def known(host: str, *_: object, **__: object) -> list[str]:
        return [addresses[host]]

    with (
        patch.object(connect, "resolve_async", egress.resolve_async if order["dns"] else known),
        patch.object(probing, "has_website", probing.has_website if order["http"] else lambda _: False),
    ):
        used = _work_off()
    _check(order)
    return used


def _check(order: dict[str, Any]) -> None:
    wrong = Visit.unscoped.exclude(error_code="", inspection__problems=[])
    if order["http"]:
        wrong |= Visit.unscoped.exclude(page_status=200)
    row = wrong.select_related("inspection").first()
    if row:
        raise RuntimeError(f"{row}: {row.error_code} {row.page_status} {row.inspection and row.inspection.problems}")


def main() -> None:
    first = json.loads(sys.stdin.readline())
    _prepare(first)
    assert egress.judge(first["hosts"][0][1])
    for line in sys.stdin:
        used = _round(json.loads(line), dict(first["hosts"]))
        print(json.dumps({"cpu_seconds": used}), flush=True)
