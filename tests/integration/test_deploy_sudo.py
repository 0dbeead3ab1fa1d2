"""Installing into root's directories: by the generated rule, by /bin/sh, by the documented list of tools."""

import contextlib
import grp
import pwd
import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.lib.errors import NeedsUser, Transient
from deploy import sudoers
from deploy.daemons import DAEMONS
from deploy.models import Target
from deploy.ssh import connect, install
from deploy.ssh.files import RemoteFiles, remote_files
from deploy.ssh.keys import load_key
from deploy.ssh.passing import FOLDER
from deploy.ssh.sudo import ToolFiles, with_sudo
from deploy.ssh.sudo_commands import STAGE, Argv
from tests.cast import make_cast
from tests.integration.deploying import HOST, Scene, run_of, steps_of, told
from tests.servers.child import is_root
from tests.servers.nginx import Nginx, nginx
from tests.servers.people import DeployUser, allow_lines
from tests.servers.places import private_directory
from tests.servers.sshd import Sshd, sshd

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not is_root(), reason="only root makes directories that are root's"),
]

WAYS = ("rule", "shell", "tools")
DOCUMENTED = {"shell": "/bin/sh", "tools": "/bin/mkdir, /bin/cp, /bin/chmod, /bin/chown, /bin/rm"}
NEW = {"cert.pem": 0o644, "key.pem": 0o600, "chain.pem": 0o644, "fullchain.pem": 0o644}


@pytest.fixture(scope="module")
def root_server() -> Iterator[Nginx]:
    """nginx as most have it: started by root, with files that are root's."""
    with nginx(DeployUser("root", Path("/root"), "", ""), [HOST]) as server:
        yield server


@pytest.fixture
def scene(settings: Any, root_server: Nginx) -> Scene:
    return Scene(settings, make_cast().acme, port=root_server.https_port)


@pytest.fixture
def tls(root_server: Nginx) -> Path:
    return root_server.certificates


@pytest.fixture
def place() -> Iterator[Path]:
    """Root's, and open to be looked at."""
    with private_directory("etc", shared=True) as place:
        yield place


@pytest.fixture
def server() -> Iterator[Sshd]:
    with sshd(sudo=["/bin/true"]) as there:
        yield there


def allow(server: Sshd, target: Target, way: str, more: str = "/bin/true", *, before: str = "") -> None:
    name = server.user.name
    rule = sudoers.install_rule(name, target)
    lines = rule if way == "rule" else f"{name} ALL=(root) NOPASSWD: {DOCUMENTED[way]}\nDefaults:{name} !requiretty"
    allow_lines(name, f"{before.format(name=name)}\n{lines}\n{name} ALL=(root) NOPASSWD: {more}")


# What a member of the group sudo or wheel has: everything, with a password.
ADMIN = "{name} ALL=(ALL:ALL) ALL"


def files_in(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir() if path.is_file()}


def owners_in(directory: Path) -> set[tuple[str, str]]:
    found = [path.stat() for path in directory.iterdir() if path.is_file()]
    return {(pwd.getpwuid(one.st_uid).pw_name, grp.getgrgid(one.st_gid).gr_name) for one in found}


def left_behind(server: Sshd, *directories: Path) -> list[str]:
    places = [*directories, server.user.home]
    return [str(path) for place in places for path in place.glob(".mmc-stage*")]


@pytest.mark.parametrize("way", WAYS)
def test_each_rule_installs_twice_and_is_named(
    scene: Scene, server: Sshd, root_server: Nginx, tls: Path, way: str
) -> None:
    target = scene.target(scene.server(server), [tls], [f"sudo -n {root_server.reload_command}"], use_sudo=True)
    allow(server, target, way, root_server.reload_command)
    for _ in range(2):
        certificate = scene.certificate()
        deployment = scene.deploy()
        run = run_of(deployment)
        assert (deployment.state, run.outcome) == ("deployed", "serving"), told(run)
        assert root_server.fingerprint(HOST) == certificate.fingerprint_sha256
        assert files_in(tls) == NEW
        assert owners_in(tls) == {("root", "root")}
        assert left_behind(server, tls) == []
        assert f'{{"sudo": "{way}"}}' in told(run)
    again = run_of(scene.deploy())
    if way != "tools":  # They have nothing that reads root's key, so it is written again.
        assert ("Nothing to change", "succeeded") in steps_of(again), told(again)


@pytest.mark.parametrize("way", WAYS)
def test_a_directory_that_is_missing_is_made_and_files_are_given_away(
    scene: Scene, server: Sshd, place: Path, way: str
) -> None:
    place = place / "opensips" / "tls"
    owner = "daemon:sys"
    target = scene.target(scene.server(server), [place], ports=[], use_sudo=True, owner=owner)
    allow(server, target, way)
    scene.certificate()
    run = run_of(scene.deploy())
    assert (run.state, run.outcome) == ("succeeded", "installed"), told(run)
    assert files_in(place) == NEW
    assert owners_in(place) == {("daemon", "sys")}
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    assert left_behind(server, place) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_reload_that_fails_brings_the_old_files_back(scene: Scene, server: Sshd, tls: Path, way: str) -> None:
    before = {path.name: path.read_bytes() for path in tls.iterdir() if path.is_file()}
    target = scene.target(scene.server(server), [tls], ["false"], use_sudo=True)
    allow(server, target, way)
    scene.certificate()
    run = run_of(scene.deploy())
    assert (run.state, run.error_code) == ("failed", "reload_failed"), told(run)
    assert {path.name: path.read_bytes() for path in tls.iterdir() if path.is_file()} == before
    assert left_behind(server, tls) == []


def test_without_a_rule_the_run_says_which_lines_are_missing(scene: Scene, server: Sshd, tls: Path) -> None:
    target = scene.target(scene.server(server), [tls], use_sudo=True)
    scene.certificate()
    run = run_of(scene.deploy())
    assert run.error_code == "sudo_needs_rule", told(run)
    assert run.error_params["rule"] == sudoers.install_rule(server.user.name, target)
    tested = scene.test(target)
    assert (tested.state, tested.error_code) == ("partial", "sudo_needs_rule")


@pytest.mark.parametrize("way", WAYS)
def test_what_needs_a_password_is_not_taken_for_allowed(scene: Scene, server: Sshd, place: Path, way: str) -> None:
    """sudo says of each command that the user may run it, and would ask: only the rule without a password works."""
    place = place / "tls"
    target = scene.target(scene.server(server), [place], ["sudo -n true"], ports=[], use_sudo=True)
    allow(server, target, way, before=ADMIN)
    assert scene.test(target).state == "succeeded"
    scene.certificate()
    run = run_of(scene.deploy())
    assert run.state == "succeeded", told(run)
    assert f'{{"sudo": "{way}"}}' in told(run)
    assert files_in(place) == NEW


def test_a_later_line_with_a_password_takes_the_rule_away(scene: Scene, server: Sshd, place: Path) -> None:
    target = scene.target(scene.server(server), [place], ports=[], use_sudo=True)
    name = server.user.name
    allow_lines(name, f"{sudoers.install_rule(name, target)}\n{ADMIN.format(name=name)}")
    run = scene.test(target)
    assert (run.state, run.error_code) == ("partial", "sudo_needs_rule"), told(run)


def test_a_password_for_all_but_one_reload_is_told_by_the_test(scene: Scene, server: Sshd, place: Path) -> None:
    target = scene.target(scene.server(server), [place], ["sudo -n true", "sudo -n id"], use_sudo=True)
    name = server.user.name
    allow_lines(name, f"{ADMIN.format(name=name)}\n{name} ALL=(root) NOPASSWD: /bin/true")
    run = scene.test(target)
    assert (run.state, run.error_code) == ("partial", "sudo_needs_rule"), told(run)
    steps = dict(steps_of(run))
    assert steps["Find out what sudo allows"] == "failed"
    assert (steps["May it run: sudo -n true"], steps["May it run: sudo -n id"]) == ("succeeded", "failed")
    assert run.steps.get(name__endswith="sudo -n id").error_params["output"] == "sudo: a password is required"


@pytest.mark.parametrize("daemon", ["nginx", "Apache", "HAProxy", "Postfix"])
def test_the_line_that_is_offered_allows_what_is_offered(scene: Scene, server: Sshd, place: Path, daemon: str) -> None:
    """Their programs lie in /usr/sbin, where sudo finds them and a rule for /usr/bin does not reach."""
    line = next(one.reload[0] for one in DAEMONS if one.name == daemon)
    assert shutil.which(line.split()[2], path="/usr/sbin"), "it is not installed"
    name = server.user.name
    allow_lines(name, sudoers.lines_for(name, [line]))
    target = scene.target(scene.server(server), [server.user.home], [line], ports=[])
    tested = scene.test(target)
    assert tested.state == "succeeded", told(tested)
    command = ["runuser", "-u", name, "--", *line.split()]
    said = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False).stderr
    assert "sudo:" not in said


def test_an_owner_that_does_not_exist_changes_nothing(scene: Scene, server: Sshd, tls: Path) -> None:
    before = {path.name: path.read_bytes() for path in tls.iterdir() if path.is_file()}
    target = scene.target(scene.server(server), [tls], ports=[], use_sudo=True, owner="nobody-of-that-name")
    allow(server, target, "rule")
    scene.certificate()
    run = run_of(scene.deploy())
    assert (run.error_code, run.error_params["owner"]) == ("owner_unknown", "nobody-of-that-name"), told(run)
    assert {path.name: path.read_bytes() for path in tls.iterdir() if path.is_file()} == before
    assert left_behind(server, tls) == []


@pytest.mark.parametrize("way", ["rule", "shell"])
def test_links_that_were_planted_lead_nowhere(scene: Scene, server: Sshd, place: Path, way: str) -> None:
    """In the place of a file, of its kept copy, and of the stage: what they point at stays as it is."""
    etc, secret, place = place, place / "shadow", place / "tls"
    secret.write_text("root's own")
    secret.chmod(0o600)
    place.mkdir()
    (place / "key.pem").symlink_to(secret)
    target = scene.target(scene.server(server), [place], ports=[], use_sudo=True)
    allow(server, target, way)
    scene.certificate()
    run = run_of(scene.deploy())
    assert run.state == "succeeded", told(run)
    assert (secret.read_text(), stat.S_IMODE(secret.stat().st_mode)) == ("root's own", 0o600)
    assert not (place / "key.pem").is_symlink()
    (place / ".mmc-stage-sudo").symlink_to(etc)
    scene.certificate()
    run = run_of(scene.deploy())
    assert (run.state, run.error_code) == ("failed", "path_is_not_a_directory"), told(run)
    assert sorted(path.name for path in etc.iterdir()) == ["shadow", "tls"]


def test_a_directory_that_somebody_else_may_change_is_refused(scene: Scene, server: Sshd, place: Path) -> None:
    place = place / "open" / "tls"
    place.mkdir(parents=True)
    server.user.own(place.parent)
    target = scene.target(scene.server(server), [place], ports=[], use_sudo=True)
    allow(server, target, "rule")
    scene.certificate()
    run = run_of(scene.deploy())
    assert (run.error_code, run.error_params["path"]) == ("directory_not_roots", str(place.parent)), told(run)
    assert list(place.iterdir()) == []
    assert scene.test(target).error_code == "directory_not_roots"


@pytest.mark.parametrize(("way", "code"), [("rule", ""), ("shell", ""), ("tools", "tools_cannot_look")])
def test_a_directory_that_this_user_may_not_even_look_into(
    scene: Scene, server: Sshd, place: Path, way: str, code: str
) -> None:
    place = place / "closed" / "tls"
    place.mkdir(parents=True)
    place.parent.chmod(0o700)
    target = scene.target(scene.server(server), [place], ports=[], use_sudo=True)
    allow(server, target, way)
    scene.certificate()
    run = run_of(scene.deploy())
    assert run.error_code == code, told(run)
    assert files_in(place) == ({} if code else NEW)


@pytest.mark.parametrize("way", WAYS)
def test_the_key_is_never_readable_to_others(scene: Scene, server: Sshd, place: Path, way: str) -> None:
    """Looked at without a pause while two certificates are put in place."""
    target = scene.target(scene.server(server), [place], ports=[], use_sudo=True, owner="daemon:sys")
    allow(server, target, way)
    seen: set[int] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            with contextlib.suppress(FileNotFoundError):
                seen.add(stat.S_IMODE((place / "key.pem").stat().st_mode))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(2):
            scene.certificate()
            assert scene.deploy().state == "deployed"
    finally:
        over.set()
        watcher.join()
    assert seen == {0o600}


@contextlib.contextmanager
def signed_in(server: Sshd) -> Iterator[RemoteFiles]:
    with connect.greeted(server.host, server.port, pinned=server.fingerprint) as connection:
        connection.sign_in(server.user.name, load_key(server.user.private_key))
        with remote_files(connection) as files:
            yield files


@pytest.mark.parametrize("then", ["", *WAYS])
def test_a_key_that_a_cut_left_on_its_way_is_removed_however_it_goes_on(
    scene: Scene, server: Sshd, place: Path, then: str
) -> None:
    """The line ends while `cp` is about to read the key from the home; the rule may be another one afterwards."""
    target = scene.target(scene.server(server), [place], ports=[], use_sudo=True)
    allow(server, target, "tools")
    folder = install.stage_folder(str(place), STAGE)

    class Cut(ToolFiles):
        def _do(self, argv: Argv, path: str, *, stdin: bytes = b"", owner: str = "") -> None:
            if argv[0] == "/bin/cp":
                server.cut()
            super()._do(argv, path, stdin=stdin, owner=owner)

    with signed_in(server) as plain:
        cut = Cut(plain, "tools", "")
        cut.make_directory(folder, 0o700)
        with pytest.raises(Transient):
            cut.write_new(f"{folder}/key.pem", b"a private key", 0o600)
    (left,) = (server.user.home / FOLDER).iterdir()
    assert (left.read_bytes(), stat.S_IMODE(left.stat().st_mode)) == (b"a private key", 0o600)

    if then:
        allow(server, target, then)
    with signed_in(server) as plain:
        ability: Any = then
        files = with_sudo(plain, ability, "") if then else plain
        # Without sudo root's own stage stays; the key is the user's.
        with contextlib.suppress(*[] if then else [NeedsUser]):
            install.remove_stage(files, str(place), STAGE, list(NEW))
    assert not (server.user.home / FOLDER).exists()
    assert not then or left_behind(server, place) == []


def test_what_another_run_left_on_its_way_blocks_nothing(scene: Scene, server: Sshd, place: Path) -> None:
    place = place / "tls"
    target = scene.target(scene.server(server), [place], ports=[], use_sudo=True)
    allow(server, target, "tools")
    folder = server.user.home / FOLDER
    folder.mkdir(mode=0o700)
    (folder / "0123456789abcdef").write_text("of another portal")
    server.user.own(folder)
    scene.certificate()
    run = run_of(scene.deploy())
    assert run.state == "succeeded", told(run)
    assert files_in(place) == NEW
    assert [path.name for path in folder.iterdir()] == ["0123456789abcdef"]
