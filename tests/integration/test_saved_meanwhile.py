"""Settings that are saved while a run is on that server: what it leaves behind is not what they ask for."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from auditlog.events import SYSTEM
from deploy.deployments import start_deployment
from deploy.models import Deployment, Target, TargetRun
from deploy.targets import Placement, save_target
from tests.cast import make_cast
from tests.integration.deploying import Scene, told, work
from tests.servers.ports import wait_until
from tests.servers.sshd import Sshd

pytestmark = pytest.mark.django_db(transaction=True)


class Slow:
    """A target whose reload lasts until it is let go."""

    def __init__(self, settings: Any, machine: Sshd, *, last: str = "true") -> None:
        self.home = Path(machine.user.home)
        self.begun, self.may_end = self.home / "begun", self.home / "may-end"
        self.command = f"touch {self.begun}; while ! test -e {self.may_end}; do sleep 0.02; done; {last}"
        self.scene = Scene(settings, make_cast().acme)
        self.certificate = self.scene.certificate()
        self.target = self.scene.target(self.scene.server(machine), [self.home / "old"], [self.command], ports=[])

    def deploy_and(self, act: Callable[[], object]) -> Deployment:
        """`act` while the reload runs, and then all that is due."""
        deployment, _ = start_deployment(domain=self.scene.domain, certificate=None, actor=SYSTEM)
        worker = threading.Thread(target=_work)
        worker.start()
        wait_until(self.begun.exists, seconds=30, what="the reload begins")
        act()
        self.may_end.touch()
        worker.join()
        work()
        return Deployment.unscoped.get(pk=deployment.pk)

    def save(self, directory: str, commands: Sequence[str]) -> None:
        row = Target.unscoped.select_related("server", "domain").get(pk=self.target.pk)
        chosen = Placement([str(self.home / directory)], {}, list(commands), [])
        save_target(domain=row.domain, server=row.server, chosen=chosen, actor=SYSTEM, target=row)


def _work() -> None:
    try:
        work()
    finally:
        connections.close_all()


def test_another_directory_gets_the_certificate_as_well(settings: Any, ssh_server: Sshd) -> None:
    slow = Slow(settings, ssh_server)
    deployment = slow.deploy_and(lambda: slow.save("new", [slow.command]))
    assert (slow.home / "new" / "cert.pem").read_text() == slow.certificate.leaf_pem
    assert deployment.state == "deployed"
    assert TargetRun.unscoped.filter(deployment=deployment).count() == 2
    kept = Target.unscoped.get(pk=slow.target.pk)
    assert (kept.installed_certificate_id, kept.last_status) == (slow.certificate.pk, "ok")


def test_commands_that_are_mended_while_the_old_ones_fail_are_run(settings: Any, ssh_server: Sshd) -> None:
    slow = Slow(settings, ssh_server, last="false")
    deployment = slow.deploy_and(lambda: slow.save("old", ["true"]))
    last = TargetRun.unscoped.filter(deployment=deployment).latest("created_at")
    assert deployment.state == "deployed", told(last)


def test_what_was_not_changed_is_not_done_twice(settings: Any, ssh_server: Sshd) -> None:
    slow = Slow(settings, ssh_server)
    deployment = slow.deploy_and(lambda: slow.save("old", [slow.command]))
    assert TargetRun.unscoped.filter(deployment=deployment).count() == 1
