"""Twenty targets side by side on servers of every kind; and servers that hang at one stage after the other."""

import contextlib
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from auditlog.events import SYSTEM
from config.lib import clock, jobs
from deploy.deployments import start_deployment
from deploy.models import Deployment, Server, Target, TargetRun
from deploy.reconcile import reconcile_target
from tests.cast import make_cast
from tests.integration.deploying import HOST, Scene, run_of, told, work
from tests.servers.disks import mounted
from tests.servers.nginx import Nginx
from tests.servers.ports import free_port
from tests.servers.sshd import Sshd, sshd

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 4


def work_side_by_side() -> None:
    """As several worker processes do."""

    def one() -> None:
        try:
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.skipif(os.geteuid() != 0, reason="file systems are mounted")
@pytest.mark.timeout(300)
@pytest.mark.both_databases
def test_twenty_targets_of_which_four_are_ill(settings: Any, ssh_server: Sshd, web_server: Nginx) -> None:
    scene = Scene(settings, make_cast().acme, port=web_server.https_port)
    certificate = scene.certificate()
    with ExitStack() as stack:
        changed = stack.enter_context(sshd())
        hangs = stack.enter_context(sshd(extra=["ForceCommand sleep 1000"]))
        disk = Path(ssh_server.user.home) / "full"
        if not stack.enter_context(mounted(disk, ssh_server.user)):
            pytest.skip("nothing may be mounted here")
        server = scene.server(ssh_server)
        dead = Server.objects.create(
            workspace=scene.workspace, host="127.0.0.1", port=free_port(), username="deploy",
            sealed_private_key=server.sealed_private_key, public_key=server.public_key,
            host_key_fingerprint=ssh_server.fingerprint,
        )  # fmt: skip
        ill = {
            "ssh_refused": scene.target(dead, ["/srv/tls"]),
            "ssh_host_key_changed": scene.target(scene.server(changed), ["/srv/tls"]),
            "ssh_timeout": scene.target(scene.server(hangs), ["/srv/tls"]),
            "disk_full": scene.target(server, [disk / "tls"], ports=[]),
        }
        well = [scene.target(server, [web_server.certificates], [web_server.reload_command])]
        well += [scene.target(server, [ssh_server.user.home / f"tls-{n}"], ports=[]) for n in range(15)]
        changed.rotate_host_key()
        deployment, _ = start_deployment(domain=scene.domain, certificate=certificate, actor=SYSTEM)
        work_side_by_side()
    deployment = Deployment.unscoped.get(pk=deployment.pk)
    assert deployment.state == "partial"
    assert deployment.runs.filter(ended_at__isnull=False).count() == 20
    for code, target in ill.items():
        run = run_of(deployment, target)
        assert (run.state, run.error_code) == ("failed", code), told(run)
    for target in well:
        assert run_of(deployment, target).state == "succeeded", told(run_of(deployment, target))
    assert web_server.fingerprint(HOST) == certificate.fingerprint_sha256
    in_order = list(deployment.runs.exclude(ended_at=None).order_by("ended_at").values_list("target", flat=True))
    assert in_order[-1] == ill["ssh_timeout"].pk, "nobody waited for the one that hangs"
    waiting = TargetRun.unscoped.filter(state="waiting").values_list("target", flat=True)
    assert set(waiting) == {ill["ssh_refused"].pk, ill["ssh_timeout"].pk}, "only what time may mend"
    assert not Target.unscoped.filter(journal__isnull=False).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system is mounted")
def test_a_read_only_file_system_is_named(settings: Any, ssh_server: Sshd) -> None:
    scene = Scene(settings, make_cast().acme)
    scene.certificate()
    disk = Path(ssh_server.user.home) / "frozen"
    with mounted(disk, ssh_server.user, read_only=True) as is_there:
        if not is_there:
            pytest.skip("nothing may be mounted here")
        scene.target(scene.server(ssh_server), [disk / "tls"], ports=[])
        run = run_of(scene.deploy())
    assert (run.state, run.error_code) == ("failed", "disk_read_only"), told(run)


def test_only_what_failed_is_done_again_and_an_older_certificate_never_comes_back(
    settings: Any, ssh_server: Sshd
) -> None:
    scene = Scene(settings, make_cast().acme)
    server = scene.server(ssh_server)
    home = Path(ssh_server.user.home)
    targets = [scene.target(server, [home / f"tls-{number}"], ports=[]) for number in range(2)]
    (home / "tls-1").write_text("in the way")
    old, new = scene.certificate(), scene.certificate()
    first = scene.deploy(old)
    assert [run_of(first, target).error_code for target in targets] == ["", "directory_is_a_file"]
    before = (home / "tls-0" / "cert.pem").stat().st_mtime_ns
    (home / "tls-1").unlink()
    assert reconcile_target(Target.unscoped.get(pk=targets[0].pk)) is None
    assert reconcile_target(Target.unscoped.get(pk=targets[1].pk)) is not None
    second, _ = start_deployment(domain=scene.domain, certificate=new, actor=SYSTEM)
    work()
    for number, target in enumerate(targets):
        assert (home / f"tls-{number}" / "cert.pem").read_text() == new.leaf_pem
        assert run_of(second, target).state == "succeeded"
    assert (home / "tls-0" / "cert.pem").stat().st_mtime_ns != before


class Freezer:
    """Passes on `after` bytes of the server, then keeps silent until told to go on."""

    def __init__(self, port: int, after: int) -> None:
        self.target, self.after, self.seen = port, after, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while content := source.recv(4096):
                passed += len(content)
                self.seen = max(self.seen, passed) if counts else self.seen
                if counts and passed > self.after:
                    return  # Both ends stay open; nothing comes any more.
                sink.sendall(content)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


STAGES = 14


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_a_server_that_falls_silent_at_any_stage_is_left_in_time_and_completed_later(
    settings: Any, ssh_server: Sshd
) -> None:
    scene = Scene(settings, make_cast().acme)
    whole = Freezer(ssh_server.port, 10_000_000)
    _target_behind(scene, ssh_server, whole, "whole")
    assert scene.deploy(scene.certificate()).state == "deployed"
    Target.unscoped.all().delete()
    freezers = [Freezer(ssh_server.port, whole.seen * stage // STAGES) for stage in range(STAGES)]
    homes = [_target_behind(scene, ssh_server, one, f"tls-{number}") for number, one in enumerate(freezers)]
    certificate = scene.certificate()
    began = time.monotonic()
    deployment, _ = start_deployment(domain=scene.domain, certificate=certificate, actor=SYSTEM)
    with ThreadPoolExecutor(len(freezers)) as pool:
        list(pool.map(lambda _: _work_once(), freezers))
    assert time.monotonic() - began < 240
    runs = TargetRun.unscoped.filter(deployment=deployment).exclude(started_at=None)
    ended = sorted((run.error_code, run.state, [step.name for step in run.steps.all()][-1]) for run in runs)
    assert {code for code, _, _ in ended} == {"ssh_timeout"}, ended
    assert sum(run.is_open for run in runs) >= 3, ended  # Cut half-way: they come back by themselves.
    for freezer in freezers:
        freezer.after = 10_000_000
    for _ in range(4):
        Server.unscoped.update(lease_until=None, lease_token=None)
        TargetRun.unscoped.filter(state__in=TargetRun.OPEN_STATES).update(run_after=clock.now(), lease_until=None)
        work()
    assert Deployment.unscoped.get(pk=deployment.pk).state == "deployed"
    for home in homes:
        assert (home / "cert.pem").read_text() == certificate.leaf_pem
        assert not list(home.glob(".mmc-stage-*"))
    assert not Target.unscoped.filter(journal__isnull=False).exists()


def _target_behind(scene: Scene, ssh_server: Sshd, freezer: Freezer, name: str) -> Path:
    known = scene.server(ssh_server)
    row = Server.objects.create(
        workspace=scene.workspace, host="127.0.0.1", port=freezer.port, username=known.username,
        sealed_private_key=known.sealed_private_key, public_key=known.public_key,
        host_key_fingerprint=ssh_server.fingerprint,
    )  # fmt: skip
    directory = Path(ssh_server.user.home) / name
    scene.target(row, [directory], ["echo reloaded"], ports=[])
    return directory


def _work_once() -> None:
    try:
        jobs.work_once(jobs.kinds.get("target_run"))
    finally:
        connections.close_all()
