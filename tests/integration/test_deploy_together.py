"""Many domains on one server: one connection, one reload, each its own end; judged by a client that never stops."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from auditlog.events import SYSTEM
from config.lib import clock
from deploy.deployments import start_deployment
from deploy.models import Deployment, RunStep, Server, Target, TargetRun
from tests.cast import make_cast
from tests.integration.deploying import Scene, run_of, steps_of, told, work
from tests.integration.test_deploy_many import WORKERS, work_side_by_side
from tests.servers.nginx import Nginx, nginx
from tests.servers.sshd import Sshd

pytestmark = pytest.mark.django_db(transaction=True)

MANY = [f"site-{number:02}.example.net" for number in range(50)]
FEW = MANY[:3]


class Fleet:
    """Domains of one workspace on one nginx; `commands` count how often they are run."""

    def __init__(self, settings: Any, ssh_server: Sshd, web: Nginx, hosts: list[str], extra: str = "true") -> None:
        workspace = make_cast().acme
        self.web, self.hosts = web, hosts
        self.scenes = {host: Scene(settings, workspace, port=web.https_port, host=host) for host in hosts}
        self.tally = ssh_server.user.home / "tally"
        self.server = self.scenes[hosts[0]].server(ssh_server)
        self.commands = [f"echo once >> {self.tally}", extra, web.test_command, web.reload_command]
        self.targets = {
            host: scene.target(self.server, [web.certificates / host], self.commands)
            for host, scene in self.scenes.items()
        }
        self.certificates = {host: scene.certificate() for host, scene in self.scenes.items()}

    def start(self) -> dict[str, Deployment]:
        return {
            host: start_deployment(domain=scene.domain, certificate=None, actor=SYSTEM)[0]
            for host, scene in self.scenes.items()
        }

    def deploy(self) -> dict[str, TargetRun]:
        deployments = self.start()
        work()
        return {host: run_of(deployment) for host, deployment in deployments.items()}

    @property
    def times_run(self) -> int:
        return len(self.tally.read_text().splitlines()) if self.tally.exists() else 0

    def is_new(self, host: str) -> bool:
        return self.web.fingerprint(host) == self.certificates[host].fingerprint_sha256


@contextmanager
def visitor(fleet: Fleet) -> Iterator[list[str]]:
    """Somebody who opens one TLS connection after the other, and notes what was neither the old nor the new one."""
    wrong: list[str] = []
    is_over = threading.Event()
    known = {host: {fleet.web.old.fingerprint, one.fingerprint_sha256} for host, one in fleet.certificates.items()}

    def visit() -> None:
        choose = random.Random(7)
        while not is_over.is_set():
            host = choose.choice(fleet.hosts)
            try:
                seen = fleet.web.fingerprint(host)
            except OSError as error:
                seen = repr(error)
            if seen not in known[host]:
                wrong.append(f"{host}: {seen}")

    threads = [threading.Thread(target=visit) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def web(ssh_server: Sshd, request: pytest.FixtureRequest) -> Iterator[Nginx]:
    with nginx(ssh_server.user, ["old.example.net"], sites=getattr(request, "param", FEW)) as server:
        yield server


@pytest.mark.timeout(400)  # 50 deployments and two visitors without a pause share the machine with other tests.
@pytest.mark.both_databases
@pytest.mark.parametrize("web", [MANY], indirect=True)
def test_fifty_domains_on_one_server_are_one_reload_and_nobody_sees_a_broken_moment(
    settings: Any, ssh_server: Sshd, web: Nginx
) -> None:
    fleet = Fleet(settings, ssh_server, web, MANY)
    before = ssh_server.whole_log().count("Connection from")
    with visitor(fleet) as wrong:
        runs = fleet.deploy()
    assert wrong == []
    assert fleet.times_run == 1
    assert all(fleet.is_new(host) for host in MANY)
    assert {run.state for run in runs.values()} == {"succeeded"}, told(runs[MANY[0]])
    assert ssh_server.whole_log().count("Connection from") == before + 1
    last = runs[MANY[-1]]
    reload_step = last.steps.get(name=web.reload_command)
    assert (reload_step.detail, last.commands[-1]["exit_code"]) == ("exit 0, once for 50 domains", 0)
    assert Target.unscoped.filter(last_status="ok", journal__isnull=True).count() == 50


@pytest.mark.timeout(400)
@pytest.mark.parametrize("web", [MANY], indirect=True)
def test_with_several_workers_few_go_on_their_own(settings: Any, ssh_server: Sshd, web: Nginx) -> None:
    """What another worker claims before the server is held waits two seconds, and is taken along before the reload."""
    fleet = Fleet(settings, ssh_server, web, MANY)
    deployments = fleet.start()
    with visitor(fleet) as wrong:
        work_side_by_side()
    assert wrong == []
    assert {run_of(deployment).state for deployment in deployments.values()} == {"succeeded"}
    assert all(fleet.is_new(host) for host in MANY)
    assert fleet.times_run <= WORKERS  # At worst each goes on with what it had claimed before; see decision 22.


def test_what_becomes_due_while_files_are_written_is_taken_along(settings: Any, ssh_server: Sshd, web: Nginx) -> None:
    fleet = Fleet(settings, ssh_server, web, FEW)
    deployments = fleet.start()
    late = TargetRun.unscoped.filter(deployment=deployments[FEW[2]])
    late.update(run_after=clock.now() + timedelta(hours=1))
    with once_before("Put the new files in place", lambda: late.update(run_after=clock.now())):
        work()
    assert [run_of(deployments[host]).outcome for host in FEW] == ["serving"] * 3
    assert fleet.times_run == 1
    assert late.get().steps.get(name__startswith="Connect to").detail == "once for 3 domains"


def test_one_that_cannot_be_written_stops_no_other(settings: Any, ssh_server: Sshd, web: Nginx) -> None:
    fleet = Fleet(settings, ssh_server, web, FEW)
    bad = fleet.targets[FEW[1]]
    Target.unscoped.filter(pk=bad.pk).update(certificate_directories=["/etc/mmc-nobody-makes-this/tls"])
    runs = fleet.deploy()
    assert [run.error_code for run in runs.values()] == ["", "mkdir_denied", ""]
    assert [run.outcome for run in runs.values()] == ["serving", "failed", "serving"]
    assert fleet.times_run == 1


def test_whose_files_break_the_reload_is_found_out_and_the_others_go_on(
    settings: Any, ssh_server: Sshd, web: Nginx
) -> None:
    bad = web.certificates / "bad.example.net"
    fleet = Fleet(settings, ssh_server, web, FEW, extra=f"test ! -e {bad}/key.pem")
    Target.unscoped.filter(pk=fleet.targets[FEW[1]].pk).update(certificate_directories=[str(bad)])
    runs = fleet.deploy()
    assert [run.outcome for run in runs.values()] == ["serving", "failed", "serving"], told(runs[FEW[0]])
    assert runs[FEW[1]].error_code == "reload_failed"
    assert [fleet.is_new(host) for host in FEW] == [True, False, True]
    assert [path.name for path in bad.iterdir()] == [".mmc-previous"], "as it was before"
    assert not Target.unscoped.filter(journal__isnull=False).exists()


def test_a_configuration_that_is_broken_by_itself_fails_each_once_and_changes_nothing(
    settings: Any, ssh_server: Sshd, web: Nginx
) -> None:
    fleet = Fleet(settings, ssh_server, web, FEW)
    web.break_configuration()
    runs = fleet.deploy()
    assert {(run.outcome, run.error_code) for run in runs.values()} == {("failed", "reload_failed")}
    assert fleet.times_run == 2, "with the new files, and with the old ones"
    for host in FEW:
        assert (web.certificates / host / "fullchain.pem").read_bytes() == web.old.fullchain_pem
        assert ("Put the previous files back", "succeeded") in steps_of(runs[host])
    web.mend_configuration()
    assert {run.outcome for run in fleet.deploy().values()} == {"serving"}


def test_a_server_that_refuses_to_be_entered_fails_all_of_them_by_one_connection(
    settings: Any, ssh_server: Sshd, web: Nginx
) -> None:
    fleet = Fleet(settings, ssh_server, web, FEW)
    ssh_server.rotate_host_key()
    runs = fleet.deploy()
    assert {(run.outcome, run.error_code) for run in runs.values()} == {("failed", "ssh_host_key_changed")}
    shown = [run.steps.get(name__startswith="Connect to") for run in runs.values()]
    assert sorted(step.detail for step in shown) == ["", "once for 3 domains", "once for 3 domains"]
    assert fleet.times_run == 0


@contextmanager
def once_before(step: str, act: Callable[[], object]) -> Iterator[None]:
    """Do `act` when a run first writes this step, before the step is done."""
    done: list[object] = []

    def on_query(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        answer = execute(sql, params, many, context)
        if sql.startswith("INSERT INTO") and RunStep._meta.db_table in sql and step in params and not done:
            done.append(act())
        return answer

    with connection.execute_wrapper(on_query):
        yield
    assert done


def test_one_that_is_taken_away_meanwhile_holds_up_no_other(settings: Any, ssh_server: Sshd, web: Nginx) -> None:
    fleet = Fleet(settings, ssh_server, web, FEW)
    deployments = fleet.start()
    gone = TargetRun.unscoped.filter(deployment=deployments[FEW[1]])
    with once_before("Look at what is there", gone.delete):
        work()
    assert [run_of(deployments[host]).outcome for host in (FEW[0], FEW[2])] == ["serving", "serving"]
    assert fleet.is_new(FEW[2])
    assert not gone.exists()


def test_a_line_that_is_cut_leaves_nobody_standing(settings: Any, ssh_server: Sshd, web: Nginx) -> None:
    fleet = Fleet(settings, ssh_server, web, FEW)
    deployments = fleet.start()
    with once_before("Put the new files in place", ssh_server.cut):
        work()
    half, *others = [TargetRun.unscoped.filter(deployment=deployments[host]).earliest("created_at") for host in FEW]
    assert (half.state, half.error_code, half.lease_until) == ("running", "ssh_closed", None)
    assert [(run.state, run.error_code) for run in others] == [("failed", "ssh_closed")] * 2
    assert Server.unscoped.get().lease_token == half.pk, "until it is whole again"


def test_other_commands_and_what_is_not_due_go_on_their_own(settings: Any, ssh_server: Sshd, web: Nginx) -> None:
    fleet = Fleet(settings, ssh_server, web, FEW)
    Target.unscoped.filter(pk=fleet.targets[FEW[1]].pk).update(reload_commands=[*fleet.commands, "true"])
    deployments = fleet.start()
    later = TargetRun.unscoped.filter(deployment=deployments[FEW[2]])
    later.update(run_after=clock.now() + timedelta(hours=1))
    work()
    assert fleet.times_run == 2
    assert later.get().state == "waiting"
