"""`Undo last deploy` on two servers of which one cannot be reached, and after `Deploy now` was pressed again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.models import Certificate
from config.lib import clock
from config.lib.errors import NeedsUser
from deploy.models import Deployment, Server, Target, TargetRun
from deploy.reconcile import last_deployment
from deploy.servers import trust_server
from deploy.undoing import can_undo, start_undo
from domains.models import Finding
from tests.cast import make_cast
from tests.integration.deploying import Scene, run_of, told, work
from tests.servers.ports import free_port
from tests.servers.sshd import Sshd, sshd

pytestmark = pytest.mark.django_db(transaction=True)


class Pair:
    """A domain on two servers that have nothing to look at; the second one can be taken away."""

    def __init__(self, settings: Any, one: Sshd, two: Sshd) -> None:
        self.scene = Scene(settings, make_cast().acme)
        self.machines = (one, two)
        self.places = [Path(machine.user.home) / "tls" for machine in self.machines]
        self.targets = [
            self.scene.target(self.scene.server(machine), [place], ports=[])
            for machine, place in zip(self.machines, self.places, strict=True)
        ]
        self.second = Server.unscoped.filter(pk=self.targets[1].server_id)

    def deploy(self, certificate: Certificate | None = None) -> Deployment:
        return self.scene.deploy(certificate or self.scene.certificate())

    def break_down(self) -> None:
        self.second.update(port=free_port())

    def come_back(self) -> None:
        self.second.update(port=self.machines[1].port)

    def undo(self, deployment: Deployment) -> list[TargetRun]:
        runs = start_undo(deployment=Deployment.unscoped.get(pk=deployment.pk), actor=SYSTEM)
        work()
        for run in runs:
            run.refresh_from_db()
        return runs

    def wait(self) -> None:
        """Until the time of what waits for it."""
        TargetRun.unscoped.filter(state="waiting").update(run_after=clock.now())
        work()

    def lying_there(self) -> list[str]:
        return [(place / "cert.pem").read_text() if (place / "cert.pem").exists() else "" for place in self.places]

    def statuses(self) -> list[str]:
        return [Target.unscoped.get(pk=target.pk).last_status for target in self.targets]


@pytest.fixture
def pair(settings: Any, ssh_server: Sshd) -> Iterator[Pair]:
    with sshd() as other:
        yield Pair(settings, ssh_server, other)


def open_finding() -> Finding | None:
    return Finding.unscoped.filter(closed_at=None).first()


def may_undo(deployment: Deployment) -> bool:
    return can_undo(Deployment.unscoped.get(pk=deployment.pk))


class TestAServerThatCannotBeReached:
    def test_it_is_told_and_gets_what_was_there_before_when_it_answers_again(self, pair: Pair) -> None:
        first, second = pair.scene.certificate(), pair.scene.certificate()
        pair.deploy(first)
        undone = pair.deploy(second)
        pair.break_down()
        runs = pair.undo(undone)
        assert sorted(run.error_code for run in runs) == ["", "ssh_refused"]
        assert pair.lying_there() == [first.leaf_pem, second.leaf_pem]
        assert pair.statuses() == ["ok", "failed"]
        finding = open_finding()
        assert finding
        assert (finding.code, finding.params["servers"]) == ("partial_deploy", [pair.targets[1].server.label])
        waiting = TargetRun.unscoped.get(state="waiting")
        assert (waiting.target_id, waiting.certificate_id) == (pair.targets[1].pk, first.pk)
        pair.wait()
        assert open_finding(), "it is still not there"
        pair.come_back()
        pair.wait()
        assert pair.lying_there() == [first.leaf_pem] * 2
        assert pair.statuses() == ["ok", "ok"]
        assert open_finding() is None
        assert not may_undo(undone)
        kept = Target.unscoped.get(pk=pair.targets[1].pk)
        assert (kept.previous, kept.installed_certificate_id) == (None, first.pk), "what was undone does not come back"

    def test_it_can_be_pressed_again(self, pair: Pair) -> None:
        first = pair.scene.certificate()
        pair.deploy(first)
        undone = pair.deploy()
        pair.break_down()
        pair.undo(undone)
        pair.come_back()
        assert may_undo(undone)
        (again,) = pair.undo(undone)
        assert (again.target_id, again.state) == (pair.targets[1].pk, "succeeded"), told(again)
        assert pair.lying_there() == [first.leaf_pem] * 2
        assert open_finding() is None
        assert not TargetRun.unscoped.filter(state="waiting").exists()
        with pytest.raises(NeedsUser, match="undo_nothing_kept"):
            pair.undo(undone)

    def test_files_that_were_never_ours_come_back_as_well(self, pair: Pair) -> None:
        """There is no deployment before it that could bring anything: the undoing itself is tried again."""
        undone = pair.deploy()
        pair.break_down()
        pair.undo(undone)
        finding = open_finding()
        assert finding
        assert finding.params["servers"] == [pair.targets[1].server.label]
        pair.wait()
        assert TargetRun.unscoped.filter(kind="undo", state="waiting").count() == 1
        pair.come_back()
        pair.wait()
        assert pair.lying_there() == ["", ""]
        assert open_finding() is None
        assert not may_undo(undone)

    def test_another_host_key_waits_for_somebody_who_trusts_it(self, pair: Pair) -> None:
        first = pair.scene.certificate()
        pair.deploy(first)
        undone = pair.deploy()
        fingerprint = pair.machines[1].rotate_host_key()
        pair.undo(undone)
        assert open_finding()
        assert pair.statuses() == ["ok", "failed"]
        assert last_deployment(pair.scene.domain.pk) != undone
        trust_server(server=pair.second.get(), fingerprint=fingerprint, actor=SYSTEM)
        work()
        assert pair.lying_there() == [first.leaf_pem] * 2
        assert open_finding() is None

    def test_a_later_deployment_is_not_taken_back_by_a_retry(self, pair: Pair) -> None:
        undone = pair.deploy()
        pair.break_down()
        pair.undo(undone)
        pair.come_back()
        retry = TargetRun.unscoped.filter(kind="undo", state="waiting")
        assert retry.exists()
        later = pair.scene.certificate()
        assert pair.deploy(later).state == "deployed"
        assert not retry.exists()
        assert pair.lying_there() == [later.leaf_pem] * 2
        assert open_finding() is None


class TestPressedAgain:
    def test_a_deployment_that_changed_nothing_leaves_the_way_back(self, pair: Pair) -> None:
        first, second = pair.scene.certificate(), pair.scene.certificate()
        pair.deploy(first)
        once, again = pair.deploy(second), pair.deploy(second)
        assert (may_undo(once), may_undo(again)) == (False, True)
        pair.undo(again)
        assert pair.lying_there() == [first.leaf_pem] * 2
        wanted = last_deployment(pair.scene.domain.pk)
        assert wanted
        assert wanted.certificate_id == first.pk
        assert not may_undo(once)
        assert Event.unscoped.filter(kind="deployment.undone").count() == 1

    def test_one_that_completed_the_other_goes_back_as_a_whole(self, pair: Pair) -> None:
        first, second = pair.scene.certificate(), pair.scene.certificate()
        pair.deploy(first)
        pair.break_down()
        assert pair.deploy(second).state == "partial"
        pair.come_back()
        completed = pair.deploy(second)
        assert (completed.state, pair.lying_there()) == ("deployed", [second.leaf_pem] * 2)
        runs = pair.undo(completed)
        assert {run.state for run in runs} == {"succeeded"}
        assert pair.lying_there() == [first.leaf_pem] * 2
        wanted = last_deployment(pair.scene.domain.pk)
        assert wanted
        assert wanted.certificate_id == first.pk

    def test_one_that_reached_only_half_goes_back_there(self, pair: Pair) -> None:
        first, second = pair.scene.certificate(), pair.scene.certificate()
        pair.deploy(first)
        pair.break_down()
        half = pair.deploy(second)
        pair.come_back()
        pair.undo(half)
        assert pair.lying_there() == [first.leaf_pem] * 2
        assert pair.statuses() == ["ok", "ok"], "the other one was looked at again"
        assert open_finding() is None
        assert run_of(half, pair.targets[1]).error_code == "ssh_refused"
