"""Kills the worker at named points of a deployment and lets the next one go on.

`main` runs in a process of its own, whose environment names an empty database; its argument describes an sshd and
an nginx that run elsewhere. Each worker is a fork, so that SIGKILL ends it as a power cut would.
"""

import json
import os
import tempfile
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
from tests.cast import make_user
from tests.integration.deploying import HOST, Scene
from tests.servers.nginx import served_fingerprint
from tests.servers.people import DeployUser
from tests.servers.sshd import Sshd

LONG_AGO = 2000


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


def workers(deployment: Deployment, point: str, crash_dir: str) -> int:
    """Worker after worker until the deployment has ended; each finds the dead one's leases run out. How many died."""
    killed = 0
    for _ in range(40):
        past = clock.now().replace(year=LONG_AGO)
        TargetRun.unscoped.exclude(lease_until=None).update(lease_until=past)
        Server.unscoped.exclude(lease_until=None).update(lease_until=past)
        TargetRun.unscoped.filter(run_after__gt=clock.now()).update(run_after=clock.now())
        killed += worker(point, crash_dir)
        if not TargetRun.unscoped.filter(deployment=deployment, state__in=TargetRun.OPEN_STATES).exists():
            break
    return killed


def is_pair(directory: Path) -> bool:
    """Whether the certificate on disk belongs to the key on disk."""
    leaf = x509.load_pem_x509_certificate((directory / "cert.pem").read_bytes())
    key = load_pem_private_key((directory / "key.pem").read_bytes(), None)
    return leaf.public_key() == key.public_key()


def walk(scene: Scene, point: str, given: dict[str, Any], *, breaks: bool) -> dict[str, object]:
    directory, flag = Path(given["certificates"]), Path(given["flag"])
    before = served_fingerprint(given["https_port"], HOST)
    certificate = scene.certificate()
    flag.touch() if breaks else flag.unlink(missing_ok=True)
    deployment, _ = start_deployment(domain=scene.domain, certificate=certificate, actor=SYSTEM)
    with tempfile.TemporaryDirectory() as crash_dir:
        killed = workers(deployment, point, crash_dir)
    served = served_fingerprint(given["https_port"], HOST)
    fullchain = x509.load_pem_x509_certificate((directory / "fullchain.pem").read_bytes())
    run = TargetRun.unscoped.filter(deployment=deployment).latest("created_at")
    return {
        "point": point,
        "killed": killed,
        "state": Deployment.unscoped.get(pk=deployment.pk).state,
        "error": run.error_code,
        "runs": TargetRun.unscoped.filter(deployment=deployment).count(),
        "is_new": served == certificate.fingerprint_sha256,
        "is_old": served == before,
        "is_pair": is_pair(directory) and scene_matches(directory, fullchain),
        "stages": len(list(directory.glob(".mmc-stage-*"))),
        "journal": Target.unscoped.values_list("journal", flat=True).get(),
    }


def scene_matches(directory: Path, fullchain: x509.Certificate) -> bool:
    return fullchain == x509.load_pem_x509_certificate((directory / "cert.pem").read_bytes())


def main(described: str, *points: str) -> None:
    """Print one JSON line per point; a point that begins with `!` is walked with a reload that fails."""
    given = json.loads(described)
    user = DeployUser(given["user"], Path(given["home"]), given["private_key"], "")
    place = Place(given["host"], given["port"], given["fingerprint"], user)
    call_command("migrate", verbosity=0)
    workspace = create_workspace(user=make_user("killer@example.org"), name="Killed", actor=SYSTEM)
    scene = Scene(settings, workspace, port=given["https_port"])
    reload = f"test ! -e {given['flag']} && {given['reload']}"
    scene.target(scene.server(cast(Sshd, place)), [given["certificates"]], [reload], use_sudo=given["use_sudo"])
    with tempfile.TemporaryDirectory() as crash_dir:
        start_deployment(domain=scene.domain, certificate=scene.certificate(), actor=SYSTEM)
        worker("", crash_dir)
    for point in points:
        outcome = walk(scene, point.removeprefix("!"), given, breaks=point.startswith("!"))
        print(json.dumps({**outcome, "breaks": point.startswith("!")}), flush=True)
