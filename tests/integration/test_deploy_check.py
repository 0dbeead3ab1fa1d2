"""`Test SSH` against real servers: what a deployment would stumble over is found without changing anything."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from auditlog.models import Event
from config.lib.sealed import Sealed
from deploy.models import Server
from tests.cast import make_cast
from tests.integration.deploying import Scene, steps_of, told
from tests.servers.child import is_root
from tests.servers.people import new_ssh_key
from tests.servers.ports import free_port
from tests.servers.sshd import Sshd, sshd

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(settings: Any) -> Scene:
    return Scene(settings, make_cast().acme)


def home_of(server: Sshd) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in server.user.home.rglob("*")}


def test_a_test_shows_the_host_key_pins_nothing_and_changes_nothing(scene: Scene, ssh_server: Sshd) -> None:
    target = scene.target(scene.server(ssh_server, trust=False), [ssh_server.user.home / "tls"], ["true"])
    before = home_of(ssh_server)
    run = scene.test(target)
    assert (run.state, run.host_key_fingerprint) == ("succeeded", ssh_server.fingerprint), told(run)
    server = Server.unscoped.get()
    assert (server.host_key_fingerprint, server.seen_host_key) == ("", ssh_server.fingerprint)
    assert "not trusted yet" in run.steps.get(position=0).detail
    assert home_of(ssh_server) == before
    assert Event.unscoped.filter(kind="target.tested").count() == 1


def test_a_directory_that_may_not_be_written_is_named_with_all_else_that_is_wrong(
    scene: Scene, ssh_server: Sshd
) -> None:
    target = scene.target(
        scene.server(ssh_server), ["/etc/nobody/tls", "/usr/share"], ["sudo -n systemctl reload nginx"]
    )
    run = scene.test(target)
    assert (run.state, run.error_code) == ("partial", "mkdir_denied"), told(run)
    failed = [name for name, state in steps_of(run) if state == "failed"]
    assert failed == ["Look at /etc/nobody/tls", "Look at /usr/share", "May it run: sudo -n systemctl reload nginx"]


def test_what_sudo_allows_is_found_without_running_it(settings: Any, tmp_path: Path) -> None:
    with sshd(sudo=["/usr/bin/touch /tmp/mmc-must-not-appear"]) as server:
        scene = Scene(settings, make_cast().acme)
        target = scene.target(scene.server(server), [server.user.home], ["sudo -n touch /tmp/mmc-must-not-appear"])
        run = scene.test(target)
        assert run.state == "succeeded", told(run)
        assert run.steps.get(name__startswith="May it run").detail == "sudo allows it"


def test_a_changed_host_key_fails_the_test_before_any_authentication(scene: Scene, ssh_server: Sshd) -> None:
    target = scene.target(scene.server(ssh_server), [ssh_server.user.home])
    new = ssh_server.rotate_host_key()
    before = ssh_server.log().count("publickey")
    run = scene.test(target)
    assert (run.state, run.error_code) == ("failed", "ssh_host_key_changed"), told(run)
    assert ssh_server.log().count("publickey") == before
    assert Server.unscoped.get().seen_host_key == new


def test_another_key_and_a_closed_port_are_told_apart(scene: Scene, ssh_server: Sshd) -> None:
    stranger, _ = new_ssh_key()
    server = scene.server(ssh_server)
    target = scene.target(server, [ssh_server.user.home])

    server.sealed_private_key = Sealed.of(stranger)
    server.save(update_fields=["sealed_private_key"])
    assert scene.test(target).error_code == "ssh_auth_failed"
    Server.unscoped.update(port=free_port())
    assert scene.test(target).error_code == "ssh_refused"


def test_an_account_for_sftp_only_is_fine_without_reload_commands(settings: Any) -> None:
    with sshd(extra=["Match all", "ForceCommand internal-sftp"]) as server:
        scene = Scene(settings, make_cast().acme)
        row = scene.server(server)
        plain = scene.target(row, [server.user.home / "tls"], ports=[])
        assert scene.test(plain).state == "succeeded"
        reloading = scene.target(row, [server.user.home / "tls"], ["true"], ports=[])
        run = scene.test(reloading)
        assert (run.state, run.error_code) == ("partial", "ssh_no_shell"), told(run)
        scene.certificate()
        reloading.delete()
        assert scene.deploy().state == "deployed"
        assert (server.user.home / "tls" / "fullchain.pem").exists()


@pytest.mark.skipif(not is_root(), reason="an account's shell is changed")
def test_a_login_shell_that_runs_nothing_is_named_where_something_is_to_run(settings: Any) -> None:
    with sshd() as server:
        subprocess.run(["usermod", "--shell", "/usr/sbin/nologin", server.user.name], check=True)
        scene = Scene(settings, make_cast().acme)
        row = scene.server(server)
        plain = scene.target(row, [server.user.home / "tls"], ports=[])
        assert scene.test(plain).state == "succeeded"
        run = scene.test(scene.target(row, [server.user.home / "tls"], ["true"], ports=[]))
        assert (run.state, run.error_code) == ("partial", "ssh_no_shell"), told(run)
