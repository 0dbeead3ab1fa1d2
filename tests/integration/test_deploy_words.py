"""What real programs say when they fail, each named with its fix: reload commands, groups, full disks, own names."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditlog.events import SYSTEM
from config.lib.errors import describe
from deploy import sudoers
from deploy.targets import Placement, save_target
from tests.cast import make_cast
from tests.integration.deploying import Scene, run_of, told
from tests.servers.child import is_root
from tests.servers.disks import mounted
from tests.servers.people import DeployUser, allow_lines
from tests.servers.places import private_directory
from tests.servers.sshd import Sshd, sshd

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not is_root(), reason="only root writes sudoers files"),
]
NAMES = {"cert": "site.crt", "key": "site.key", "chain": "site.ca", "fullchain": "site.full"}
MODES = {"site.crt": 0o644, "site.key": 0o600, "site.ca": 0o644, "site.full": 0o644}
# As systemctl says it to a user whom polkit does not know and who has no terminal to be asked on.
POLKIT = """#!/bin/sh
echo "Failed to reload nginx.service: Interactive authentication required." >&2
echo "See system logs and 'systemctl status nginx.service' for details." >&2
exit 1
"""
RULES = {"shell": "/bin/sh", "tools": "/bin/mkdir, /bin/cp, /bin/chmod, /bin/chown, /bin/rm"}


@pytest.fixture
def scene(settings: Any) -> Scene:
    return Scene(settings, make_cast().acme)


@pytest.fixture
def server() -> Iterator[Sshd]:
    with sshd(sudo=["/bin/true"]) as there:
        yield there


@pytest.fixture
def place() -> Iterator[Path]:
    with private_directory("etc", shared=True) as place:
        yield place


@pytest.mark.parametrize(
    ("lines", "command", "code", "said"),
    [
        ("{name} ALL=(ALL:ALL) ALL", "sudo -n id", "sudo_needs_rule", "a password is required"),
        (
            "{name} ALL=(root) NOPASSWD: /bin/true\nDefaults:{name} requiretty",
            "sudo -n true",
            "sudo_needs_rule",
            "you must have a tty to run sudo",
        ),
        ("", "{home}/systemctl reload nginx", "reload_needs_root", "Interactive authentication required"),
        ("", "no-such-program --reload", "reload_not_found", "not found"),
        pytest.param(
            *("", "systemctl reload nginx", "reload_without_systemd", "System has not been booted with systemd"),
            marks=pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs here"),
        ),
    ],
)
def test_a_reload_that_fails_is_named_by_what_was_said(
    scene: Scene, server: Sshd, lines: str, command: str, code: str, said: str
) -> None:
    user = server.user
    (user.home / "systemctl").write_text(POLKIT)
    (user.home / "systemctl").chmod(0o755)
    allow_lines(user.name, lines.format(name=user.name))
    line = command.format(home=user.home)
    scene.target(scene.server(server), [user.home / "tls"], [line], ports=[])
    scene.certificate()
    run = run_of(scene.deploy())
    assert (run.state, run.error_code) == ("failed", code), told(run)
    assert said in run.error_params["output"]
    assert line in describe(run.error_code, run.error_params).title + describe(run.error_code, run.error_params).why
    if code in ("sudo_needs_rule", "reload_needs_root"):
        assert describe(run.error_code, run.error_params).paste.startswith(f"{user.name} ALL=(root) NOPASSWD: /")


@pytest.mark.parametrize("use_sudo", [False, True])
def test_a_group_that_does_not_exist(scene: Scene, server: Sshd, place: Path, use_sudo: bool) -> None:
    name = server.user.name
    allow_lines(name, f"{name} ALL=(root) NOPASSWD: /bin/sh")
    where = place / "tls" if use_sudo else server.user.home / "tls"
    owner = f"{name}:no-such-group"
    scene.target(scene.server(server), [where], ports=[], use_sudo=use_sudo, owner=owner)
    scene.certificate()
    run = run_of(scene.deploy())
    assert (run.state, run.error_code, run.error_params["owner"]) == ("failed", "owner_unknown", owner), told(run)


@pytest.mark.parametrize("way", ["rule", "shell", "tools"])
def test_a_full_disk_is_met_by_sudo(scene: Scene, server: Sshd, place: Path, way: str) -> None:
    name, disk = server.user.name, place / "disk"
    with mounted(disk, DeployUser("root", Path("/root"), "", "")) as is_there:
        if not is_there:
            pytest.skip("nothing may be mounted here")
        target = scene.target(scene.server(server), [disk / "tls"], ports=[], use_sudo=True)
        rule = f"{name} ALL=(root) NOPASSWD: {RULES.get(way)}"
        allow_lines(name, sudoers.install_rule(name, target) if way == "rule" else rule)
        scene.certificate()
        run = run_of(scene.deploy())
        assert (run.state, run.error_code) == ("failed", "disk_full"), told(run)
        assert [path.name for path in (disk / "tls").rglob("*")] == []
        assert not list(server.user.home.glob(".mmc-stage*"))


@pytest.mark.parametrize("way", ["", "rule", "shell", "tools"])
def test_all_four_files_have_the_names_that_were_chosen(scene: Scene, server: Sshd, place: Path, way: str) -> None:
    name = server.user.name
    directory = place / "tls" if way else server.user.home / "tls"
    chosen = Placement([str(directory)], NAMES, ["sudo -n true"], [], bool(way))
    target = save_target(domain=scene.domain, server=scene.server(server), chosen=chosen, actor=SYSTEM)
    rule = f"{name} ALL=(root) NOPASSWD: {RULES.get(way)}" if way in RULES else sudoers.install_rule(name, target)
    allow_lines(name, f"{rule}\n{name} ALL=(root) NOPASSWD: /bin/true")
    for _ in range(2):
        certificate = scene.certificate()
        run = run_of(scene.deploy())
        assert run.state == "succeeded", told(run)
        found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir() if path.is_file()}
        assert found == MODES
        assert (directory / "site.full").read_text() == certificate.leaf_pem + certificate.chain_pem
