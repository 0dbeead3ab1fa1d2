"""Kills the worker at named points of `Fix ACME redirect` and lets the next one go on; see deploy_killer."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.management import call_command

from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from config.lib import clock, jobs
from deploy.models import HttpAnswer, Target, TargetRun
from deploy.redirects.starting import start_fix
from tests.cast import make_user
from tests.integration.deploy_killer import Place, workers
from tests.integration.deploying import told
from tests.integration.redirecting import UNKNOWN, FixScene, asked
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx
from tests.servers.people import DeployUser
from tests.servers.ports import wait_until
from tests.servers.sshd import Sshd

Deed = TargetRun.Deed
UNDOING = "~"


class Web:
    """As much of a running nginx as a FixScene asks for."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.host = given["web_host"]
        self.http_port = given["http_port"]
        self.document_root = Path(given["document_root"])


def walk(target: Target, point: str, files: Sequence[Path], web: Nginx) -> dict[str, Any]:
    """Apply, and undo, the worker killed once at `point`; what the files hold after each. `~`: only while undoing."""
    with tempfile.TemporaryDirectory() as crash_dir:
        applied, killed = _worked(target, Deed.APPLY, "" if point.startswith(UNDOING) else point, crash_dir)
        after = [file.read_text() for file in files]
        undone, more = _worked(target, Deed.UNDO, point.removeprefix(UNDOING), crash_dir)
    # What the last worker of before the reload serves would look like nothing to change.
    wait_until(lambda: [asked(web, UNKNOWN) for _ in range(5)] == ["301"] * 5, seconds=10, what="the redirect")
    return {
        "point": point,
        "killed": killed + more,
        "applied": applied,
        "undone": undone,
        "after": after,
        "at_the_end": [file.read_text() for file in files],
        "left": [path.name for file in files for path in file.parent.glob(".mmc-*")] + _tokens_left(web),
        "standing": Target.unscoped.get(pk=target.pk).redirect_fix,
    }


def _tokens_left(web: Nginx) -> list[str]:
    """Once the janitor was there."""
    HttpAnswer.unscoped.update(run_after=clock.now())
    jobs.run_due("http_answer")
    return [path.name for path in (web.document_root / ".well-known").rglob("*") if path.is_file()]


def _worked(target: Target, deed: TargetRun.Deed, point: str, crash_dir: str) -> tuple[str, int]:
    run = start_fix(target=Target.unscoped.get(pk=target.pk), deed=deed, actor=SYSTEM)
    killed = workers(point, crash_dir)
    run.refresh_from_db()
    assert run.state == "succeeded", told(run)
    return f"{run.state} {run.error_code}".strip(), killed


def main(described: str, *points: str) -> None:
    """Print one JSON line per point."""
    given = json.loads(described)
    user = DeployUser(given["user"], Path(given["home"]), given["private_key"], "")
    place = cast(Sshd, Place(given["host"], given["port"], given["fingerprint"], user))
    call_command("migrate", verbosity=0)
    workspace = create_workspace(user=make_user("killer@example.org"), name="Killed", actor=SYSTEM)
    dns = ChallengeDns(given["dns_port"], 0)
    web = cast(Nginx, Web(given))
    scene = FixScene(settings, workspace, web, dns)
    scene.renews(given["names"])
    target = scene.row(place)
    files = [Path(file) for file in given["files"]]
    for point in points:
        print(json.dumps(walk(target, point, files, web)), flush=True)
