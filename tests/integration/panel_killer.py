"""Kills the worker at named points of an installation by a panel and lets the next one go on.

`main` runs in a process of its own, whose environment names an empty database; its argument describes a panel that
listens elsewhere.
"""

import json
import tempfile

from django.conf import settings
from django.core.management import call_command

from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from config.lib import clock
from deploy.deployments import start_deployment
from deploy.models import Deployment, PanelAccount, PanelTarget, TargetRun
from deploy.panels.accounts import read_given, save_panel
from tests.cast import make_user
from tests.integration.deploy_killer import LONG_AGO, worker
from tests.integration.deploying import Scene
from tests.integration.paneling import DOMAIN, NAMES
from tests.servers.nginx import served_fingerprint


def workers(deployment: Deployment, point: str, crash_dir: str) -> int:
    """Worker after worker until the deployment has ended; each finds the dead one's leases run out. How many died."""
    killed = 0
    for _ in range(40):
        past = clock.now().replace(year=LONG_AGO)
        TargetRun.unscoped.exclude(lease_until=None).update(lease_until=past)
        PanelAccount.unscoped.exclude(lease_until=None).update(lease_until=past)
        TargetRun.unscoped.filter(run_after__gt=clock.now()).update(run_after=clock.now())
        killed += worker(point, crash_dir)
        if not TargetRun.unscoped.filter(deployment=deployment, state__in=TargetRun.OPEN_STATES).exists():
            break
    return killed


def walk(scene: Scene, point: str) -> dict[str, object]:
    certificate = scene.store(scene.ca.issue(NAMES))
    deployment, _ = start_deployment(domain=scene.domain, certificate=certificate, actor=SYSTEM)
    with tempfile.TemporaryDirectory() as crash_dir:
        killed = workers(deployment, point, crash_dir)
    place = PanelTarget.unscoped.get()
    run = TargetRun.unscoped.filter(deployment=deployment).latest("created_at")
    return {
        "point": point,
        "killed": killed,
        "state": Deployment.unscoped.get(pk=deployment.pk).state,
        "error": run.error_code,
        "runs": TargetRun.unscoped.filter(deployment=deployment).count(),
        "is_new": served_fingerprint(scene.domain.port, DOMAIN) == certificate.fingerprint_sha256,
        "is_known": place.installed_certificate_id == certificate.pk,
        "was_work": {one["state"] for one in run.sites} <= {"installed", "unchanged"},
    }


def main(described: str, *points: str) -> None:
    """Print one JSON line per point."""
    given = json.loads(described)
    call_command("migrate", verbosity=0)
    workspace = create_workspace(user=make_user("killer@example.org"), name="Killed", actor=SYSTEM)
    scene = Scene(settings, workspace, port=given["web_port"], host=DOMAIN)
    typed = read_given(given["kind"], given["form"], pinned=given["fingerprint"])
    save_panel(domain=scene.domain, chosen=typed, actor=SYSTEM)
    for point in points:
        print(json.dumps(walk(scene, point)), flush=True)
