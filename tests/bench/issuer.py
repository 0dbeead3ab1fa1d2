"""Our side of the issuances: one row after the other through the product's own operations and job.

Prints a line of JSON for each thing that somebody else has to do: records to publish before the next
line is read from stdin, and at last the CPU and wall seconds of each certificate, new order to stored PEM.
"""

import json
import resource
import sys
import time
from typing import Any

from django.core.management import call_command

from accounts.bootstrap import bootstrap_workspace
from accounts.models import Workspace
from auditlog.events import Actor
from certificates.gates import read_wish
from certificates.issuance import issue_certificate, start_issuance
from certificates.models import Issuance
from config.lib import clock, jobs
from domains.models import Domain, Ownership

ACTOR = Actor(kind="system", id=None, label="bench", ip=None)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _publish(records: list[tuple[str, str]]) -> None:
    """Have them published, and wait until they are."""
    print(json.dumps({"records": records}), flush=True)
    sys.stdin.readline()


def _work_until(issuance: Issuance, states: tuple[str, ...]) -> None:
    """What worker and beat do, without their ticks: claim as soon as it is due."""
    deadline = time.monotonic() + 60
    while issuance.state not in states:
        jobs.run_due("issuance")
        issuance.refresh_from_db()
        if time.monotonic() > deadline:
            raise RuntimeError(f"issuance is {issuance.state}: {issuance.error_code} {issuance.error_params}")
        if issuance.state not in states and issuance.run_after:
            time.sleep(max(0.0, (issuance.run_after - clock.now()).total_seconds()))


def _proven_domain(workspace: Workspace, host: str) -> Domain:
    ownership = Ownership.objects.create(workspace=workspace, host=host, proven_at=clock.now())
    _publish([(f"_managemycert-verify.{host}", f"mmc-{ownership.token}")])
    return Domain.objects.create(workspace=workspace, host=host, port=443)


def _issue(domain: Domain, name: str) -> None:
    issuance, _ = start_issuance(domain=domain, wish=read_wish([name]), actor=ACTOR)
    _work_until(issuance, (Issuance.State.PENDING_CHALLENGE, Issuance.State.ISSUED))
    if issuance.state == Issuance.State.PENDING_CHALLENGE:
        _publish([(one.txt_name, one.txt_value) for one in issuance.authorizations.all()])
        issue_certificate(issuance=issuance, actor=ACTOR)
        _work_until(issuance, (Issuance.State.ISSUED, Issuance.State.FAILED))
    if issuance.state != Issuance.State.ISSUED:
        raise RuntimeError(f"{name}: {issuance.error_code} {issuance.error_params}")


def _measured(domain: Domain, name: str) -> dict[str, Any]:
    cpu, wall = _cpu_seconds(), time.monotonic()
    _issue(domain, name)
    return {"cpu_seconds": _cpu_seconds() - cpu, "wall_seconds": time.monotonic() - wall}


def main() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    made = bootstrap_workspace(email="b@bench.example", workspace_name="Bench", password=None, with_token=False)
    workspace = Workspace.objects.get(pk=str(made["workspace"]))
    domain = _proven_domain(workspace, "bench.example")
    # The account is opened and the code is warm before the first certificate that counts.
    _issue(domain, "warm.bench.example")
    for line in sys.stdin:
        print(json.dumps(_measured(domain, line.strip())), flush=True)
