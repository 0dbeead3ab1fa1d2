"""Our side of deployments: the worker's work from due runs to finished ones, database included. Runs inside Django.

Told of the machines by one line of JSON; then by one line per deployment how many of them, and prints what it took.
"""

import json
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from accounts.bootstrap import bootstrap_workspace
from accounts.models import Workspace
from auditlog.events import SYSTEM
from config.lib import jobs
from deploy.deployments import start_deployment
from deploy.models import Deployment
from tests.integration.deploy_killer import Place
from tests.integration.deploying import Scene
from tests.servers.people import DeployUser
from tests.servers.sshd import Sshd

THREADS = 16  # As many as a worker of the portal has.


def _scene(workspace: Workspace, given: dict[str, Any], count: int) -> Scene:
    """A domain with a target on each of the first machines."""
    home = Path(given["home"])
    scene = Scene(settings, workspace, host=f"on{count}.bench.example")
    user = DeployUser(given["user"], home, given["private_key"], "")
    for name, host, port, fingerprint in given["machines"][:count]:
        server = scene.server(cast(Sshd, Place(host, port, fingerprint, user)))
        scene.target(server, [home / "ours" / f"{name}-of-{count}"], [given["reload"]], ports=[])
    return scene


def _work() -> None:
    try:
        jobs.run_due("target_run")
    finally:
        connections.close_all()


def _work_side_by_side(count: int) -> None:
    threads = [threading.Thread(target=_work) for _ in range(min(THREADS, count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _measured(scene: Scene, count: int) -> dict[str, float]:
    deployment, _ = start_deployment(domain=scene.domain, certificate=scene.certificate(), actor=SYSTEM)
    cpu, wall = cpu_seconds(), time.monotonic()
    _work_side_by_side(count)
    taken = {"cpu_seconds": cpu_seconds() - cpu, "wall_seconds": time.monotonic() - wall}
    ended = Deployment.unscoped.get(pk=deployment.pk)
    if ended.state != Deployment.State.DEPLOYED:
        raise RuntimeError(f"{ended.state}: {list(ended.runs.values_list('error_code', 'error_params'))[:3]}")
    return taken


def main() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    made = bootstrap_workspace(email="b@bench.example", workspace_name="Bench", password=None, with_token=False)
    workspace = Workspace.objects.get(pk=str(made["workspace"]))
    given = json.loads(sys.stdin.readline())
    scenes: dict[int, Scene] = {}
    for line in sys.stdin:
        count = int(line)
        scenes[count] = scenes.get(count) or _scene(workspace, given, count)
        print(json.dumps(_measured(scenes[count], count)), flush=True)
