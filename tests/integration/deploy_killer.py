"""Kills the worker at named points of a deployment and lets the next one go on.

`main` runs in a process of its own, whose environment names an empty database; its argument describes an sshd and
an nginx that run elsewhere. Each worker is a fork, so that SIGKILL ends it as a power cut would.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from config.lib import clock, jobs
from deploy.deployments import start_deployment
from deploy.models import Deployment, Server, Target, TargetRun
from deploy.undoing import start_undo
from tests.cast import make_user
from tests.integration.deploying import Scene
from tests.servers.nginx import served_fingerprint
from tests.servers.people import DeployUser
from tests.servers.sshd import Sshd

LONG_AGO = 2000
BREAKS, UNDONE = "!", "~"


@dataclass
class Place:
    """As much of a running sshd as a Scene asks for."""

    host: str
    port: int
    fingerprint: str
    user: DeployUser


def worker(crash_at: str, crash_dir: str) -> bool:
    """One worker's life in a fork; whether it was killed."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        os.environ.update(MMC_CRASH_AT=crash_at, MMC_CRASH_DIR=crash_dir)
        jobs.run_due("target_run")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def workers(point: str, crash_dir: str) -> int:
    """Worker after worker until every deployment has ended; each finds the dead one's leases run out. How many died."""
    killed = 0
    for _ in range(40):
        past = clock.now().replace(year=LONG_AGO)
        TargetRun.unscoped.exclude(lease_until=None).update(lease_until=past)
        Server.unscoped.exclude(lease_until=None).update(lease_until=past)
        TargetRun.unscoped.filter(run_after__gt=clock.now()).update(run_after=clock.now())
        killed += worker(point, crash_dir)
        if not TargetRun.unscoped.filter(state__in=TargetRun.OPEN_STATES).exists():
            break
    return killed


def is_pair(directory: Path) -> bool:
    """Whether the certificates on disk are one, and belong to the key on disk."""
    leaf, first = (
        x509.load_pem_x509_certificate((directory / name).read_bytes()) for name in ("cert.pem", "fullchain.pem")
    )
    key = load_pem_private_key((directory / "key.pem").read_bytes(), None)
    return leaf == first and leaf.public_key() == key.public_key()


def walk(scenes: Mapping[str, Scene], point: str, given: dict[str, Any], *, way: str) -> dict[str, object]:
    """Deploy a new certificate to every domain at once, the worker killed at `point`; how all of them stand then."""
    flag, port = Path(given["flag"]), given["https_port"]
    before = {host: served_fingerprint(port, host) for host in scenes}
    certificates = {host: scene.certificate() for host, scene in scenes.items()}
    flag.touch() if way == BREAKS else flag.unlink(missing_ok=True)
    deployments = [
        start_deployment(domain=scene.domain, certificate=certificates[host], actor=SYSTEM)[0]
        for host, scene in scenes.items()
    ]
    with tempfile.TemporaryDirectory() as crash_dir:
        if way == UNDONE:
            workers("", crash_dir)
            for deployment in deployments:
                start_undo(deployment=deployment, actor=SYSTEM)
        killed = workers(point, crash_dir)
    served = {host: served_fingerprint(port, host) for host in scenes}
    directories = [Path(given["certificates"][host]) for host in scenes]
    # By the tools a key passes through the home.
    places = [*directories, Path(given["home"])]
    runs = TargetRun.unscoped.filter(deployment__in=deployments)
    states = Deployment.unscoped.filter(pk__in=[one.pk for one in deployments]).values_list("state", flat=True)
    return {
        "point": point,
        "killed": killed,
        "state": " ".join(sorted(set(states))),
        "errors": sorted(runs.values_list("error_code", flat=True)),
        "runs": runs.count() / len(deployments),
        "is_new": all(served[host] == certificates[host].fingerprint_sha256 for host in scenes),
        "is_old": served == before,
        "is_pair": all(is_pair(directory) for directory in directories),
        "stages": sum(len(list(place.glob(".mmc-stage-*"))) for place in places),
        "journal": list(Target.unscoped.filter(journal__isnull=False).values_list("journal", flat=True)),
    }


def main(described: str, *points: str) -> None:
    """Print one JSON line per point.

    One that begins with `!` is walked with a reload that fails, one with `~` is of an undo after a healthy deployment.
    """
    given = json.loads(described)
    user = DeployUser(given["user"], Path(given["home"]), given["private_key"], "")
    place = Place(given["host"], given["port"], given["fingerprint"], user)
    call_command("migrate", verbosity=0)
    workspace = create_workspace(user=make_user("killer@example.org"), name="Killed", actor=SYSTEM)
    reload = f"test ! -e {given['flag']} && {given['reload']}"
    scenes: dict[str, Scene] = {}
    for host, directory in given["certificates"].items():
        scene = scenes[host] = Scene(settings, workspace, port=given["https_port"], host=host)
        scene.target(scene.server(cast(Sshd, place)), [directory], [reload], use_sudo=given["use_sudo"])
        start_deployment(domain=scene.domain, certificate=scene.certificate(), actor=SYSTEM)
    with tempfile.TemporaryDirectory() as crash_dir:
        worker("", crash_dir)
    for point in points:
        way = point[0] if point[0] in (BREAKS, UNDONE) else ""
        print(json.dumps({**walk(scenes, point.removeprefix(way), given, way=way), "way": way}), flush=True)
