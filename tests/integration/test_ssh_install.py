"""Installing four files over SFTP on a real server: modes, cuts at every call, and the way back."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from config.lib.errors import ExpectedError
from deploy.ssh import connect, install, placement
from deploy.ssh.files import Entry, OneByOne, RemoteFiles, remote_files
from deploy.ssh.keys import load_key
from tests.servers.ca import Issued, TestCa
from tests.servers.sshd import Sshd

NAMES = [file.name for file in placement.FILES]
TOKEN = "0123456789abcdef"


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)


@contextmanager
def files_on(server: Sshd) -> Iterator[RemoteFiles]:
    with connect.greeted(server.host, server.port, pinned=server.fingerprint) as connection:
        connection.sign_in(server.user.name, load_key(server.user.private_key))
        with remote_files(connection) as files:
            yield files


def new_set(issued: Issued) -> list[install.NewFile]:
    content = {
        "chain": issued.chain_pem, "fullchain": issued.fullchain_pem, "cert": issued.cert_pem, "key": issued.key_pem,
    }  # fmt: skip
    return [install.NewFile(file.name, file.mode, content[file.part]) for file in placement.FILES]


OLD = new_set(TestCa().issue(["shop.example.net"]))
NEW = new_set(TestCa().issue(["shop.example.net"]))


def put(
    files: RemoteFiles, directory: str, wanted: list[install.NewFile], token: str = TOKEN
) -> dict[str, install.Kept]:
    """The order of a deploy, without its bookkeeping."""
    files.make_directories(directory)
    install.stage(files, directory, token, wanted)
    kept = install.keep_previous(files, directory, token, NAMES)
    install.swap(files, directory, token, NAMES, kept)
    install.remove_stage(files, directory, token, NAMES)
    return kept


def content(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in NAMES if (directory / name).exists()}


def as_content(wanted: list[install.NewFile]) -> dict[str, bytes]:
    return {file.name: file.content for file in wanted}


def modes(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.lstat().st_mode) for path in directory.iterdir()}


@pytest.fixture
def home(ssh_server: Sshd) -> Path:
    return ssh_server.user.home


def test_a_first_install_makes_the_directory_and_exactly_these_files(ssh_server: Sshd, home: Path) -> None:
    directory = home / "a" / "tls"
    with files_on(ssh_server) as files:
        before = install.look(files, str(directory), NAMES)
        assert not before.exists
        kept = put(files, str(directory), OLD)
        after = install.look(files, str(directory), NAMES)
    assert set(kept.values()) == {"absent"}
    assert after.is_wanted(OLD)
    assert content(directory) == as_content(OLD)
    assert modes(directory) == {
        "chain.pem": 0o644, "fullchain.pem": 0o644, "cert.pem": 0o644, "key.pem": 0o600, ".mmc-previous": 0o700,
    }  # fmt: skip
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755


def test_the_next_install_keeps_the_previous_set_and_can_go_back(ssh_server: Sshd, home: Path) -> None:
    directory = home / "tls"
    with files_on(ssh_server) as files:
        put(files, str(directory), OLD)
        kept = put(files, str(directory), NEW)
        assert content(directory) == as_content(NEW)
        assert content(directory / ".mmc-previous") == as_content(OLD)
        assert modes(directory / ".mmc-previous")["key.pem"] == 0o600
        install.put_back(files, str(directory), TOKEN, NAMES, kept)
    assert content(directory) == as_content(OLD)
    assert modes(directory)["key.pem"] == 0o600


def test_going_back_from_a_first_install_leaves_nothing(ssh_server: Sshd, home: Path) -> None:
    directory = home / "tls"
    with files_on(ssh_server) as files:
        kept = put(files, str(directory), NEW)
        install.put_back(files, str(directory), TOKEN, NAMES, kept)
    assert content(directory) == {}
    assert not list(directory.glob(".mmc-stage-*"))


def test_a_lax_umask_or_mode_of_an_old_key_does_not_pass_on(ssh_server: Sshd, home: Path) -> None:
    directory = home / "tls"
    with files_on(ssh_server) as files:
        put(files, str(directory), OLD)
        (directory / "key.pem").chmod(0o644)
        assert not install.look(files, str(directory), NAMES).is_wanted(OLD)
        put(files, str(directory), NEW)
    assert modes(directory)["key.pem"] == 0o600


def test_links_planted_in_the_target_are_replaced_and_never_followed(ssh_server: Sshd, home: Path) -> None:
    victim = home / "victim"
    victim.write_text("precious")
    ssh_server.user.own(victim)
    directory = home / "tls"
    directory.mkdir()
    (directory / "key.pem").symlink_to(victim)
    ssh_server.user.own(directory)
    with files_on(ssh_server) as files:
        kept = put(files, str(directory), NEW)
        assert victim.read_text() == "precious"
        assert not (directory / "key.pem").is_symlink()
        install.put_back(files, str(directory), TOKEN, NAMES, kept)
    assert (directory / "key.pem").is_symlink()
    assert victim.read_text() == "precious"


def test_a_link_in_place_of_our_stage_is_refused(ssh_server: Sshd, home: Path) -> None:
    directory = home / "tls"
    directory.mkdir()
    (directory / f".mmc-stage-{TOKEN}").symlink_to("/etc")
    ssh_server.user.own(directory)
    with files_on(ssh_server) as files, pytest.raises(ExpectedError, match="path_is_not_a_directory"):
        install.stage(files, str(directory), TOKEN, NEW)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a file of another user")
def test_files_of_somebody_else_in_our_directory_are_moved_and_come_back(ssh_server: Sshd, home: Path) -> None:
    directory = home / "tls"
    directory.mkdir()
    for file in OLD:
        (directory / file.name).write_bytes(file.content)
        (directory / file.name).chmod(0o600)
    os.chown(directory, home.stat().st_uid, home.stat().st_gid)
    with files_on(ssh_server) as files:
        assert install.look(files, str(directory), NAMES).digests["key.pem"] == "?"
        kept = put(files, str(directory), NEW)
        assert kept["key.pem"] == "to_move"
        assert content(directory) == as_content(NEW)
        install.put_back(files, str(directory), TOKEN, NAMES, kept)
    assert content(directory) == as_content(OLD)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a file of another user")
@pytest.mark.parametrize("cut_after", ["moving away", "both renames"])
def test_a_swap_that_was_cut_beside_somebody_elses_file_is_repeated(
    ssh_server: Sshd, home: Path, cut_after: str
) -> None:
    directory = home / "tls"
    directory.mkdir()
    (directory / "key.pem").write_bytes(b"of root")
    (directory / "key.pem").chmod(0o600)
    os.chown(directory, home.stat().st_uid, home.stat().st_gid)
    with files_on(ssh_server) as files:
        install.stage(files, str(directory), TOKEN, NEW)
        kept = install.keep_previous(files, str(directory), TOKEN, NAMES)
        assert kept["key.pem"] == "to_move"
        files.rename(f"{directory}/key.pem", f"{directory}/{placement.PREVIOUS}/key.pem")
        if cut_after == "both renames":
            files.rename(f"{install.stage_folder(str(directory), TOKEN)}/key.pem", f"{directory}/key.pem")
        install.stage(files, str(directory), TOKEN, NEW)
        install.swap(files, str(directory), TOKEN, NAMES, kept)
        assert content(directory) == as_content(NEW)
        assert (directory / placement.PREVIOUS / "key.pem").read_bytes() == b"of root"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a directory of another user")
@pytest.mark.parametrize(("prepare", "code"), [
    (lambda place: (place / "root").mkdir(mode=0o755), "mkdir_denied"),
    (lambda place: (place / "root").touch(), "directory_is_a_file"),
])  # fmt: skip
def test_what_stands_in_the_way_is_named(
    ssh_server: Sshd, home: Path, prepare: Callable[[Path], object], code: str
) -> None:
    prepare(home)
    directory = home / "root" if code == "directory_is_a_file" else home / "root" / "tls"
    with files_on(ssh_server) as files, pytest.raises(ExpectedError) as caught:
        _look_and_make(files, str(directory))
    assert caught.value.code == code


def _look_and_make(files: RemoteFiles, directory: str) -> None:
    install.look(files, directory, NAMES)
    files.make_directories(directory)


class _CutError(Exception):
    """Stands for the death of this process at a certain call."""


class _CutFiles(OneByOne):
    """The real thing, which stops for good before the n-th change, also between changes that go together."""

    def __init__(self, real: RemoteFiles, left: int) -> None:
        self.__dict__.update(real.__dict__)
        self.left = left

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _CutError

    def make_directory(self, path: str, mode: int) -> None:
        self._count()
        super().make_directory(path, mode)

    def write_new(self, path: str, content: bytes, mode: int) -> None:
        self._count()
        super().write_new(path, content, mode)

    def duplicate(self, old: str, new: str, entry: Entry) -> bool:
        self._count()
        return super().duplicate(old, new, entry)

    def rename(self, old: str, new: str) -> None:
        self._count()
        super().rename(old, new)

    def remove(self, path: str) -> None:
        self._count()
        super().remove(path)

    def remove_directory(self, path: str) -> None:
        self._count()
        super().remove_directory(path)


def test_a_cut_before_every_single_change_is_repaired_by_doing_it_again(ssh_server: Sshd, home: Path) -> None:
    """As the worker does it: what was kept is remembered before the swap begins, then everything is done again."""
    with files_on(ssh_server) as files:
        for cut in range(200):
            directory = home / f"tls{cut}"
            put(files, str(directory), OLD)
            memory: dict[str, Any] = {}
            cutting = _CutFiles(files, cut)
            try:
                _deploy(cutting, directory, memory)
                break
            except _CutError:
                pass
            assert set(content(directory)) == set(NAMES)
            _deploy(files, directory, memory)
            assert content(directory) == as_content(NEW)
            assert content(directory / ".mmc-previous") == as_content(OLD)
            assert not list(directory.glob(".mmc-stage-*"))
            install.put_back(files, str(directory), TOKEN, NAMES, memory["kept"])
            assert content(directory) == as_content(OLD)
    assert cut > 20


def _deploy(files: RemoteFiles, directory: Path, memory: dict[str, Any]) -> None:
    install.stage(files, str(directory), TOKEN, NEW)
    if "kept" not in memory:
        memory["kept"] = install.keep_previous(files, str(directory), TOKEN, NAMES)
    install.swap(files, str(directory), TOKEN, NAMES, memory["kept"])
    install.remove_stage(files, str(directory), TOKEN, NAMES)


def test_a_cut_in_the_way_back_is_repaired_by_going_back_again(ssh_server: Sshd, home: Path) -> None:
    with files_on(ssh_server) as files:
        for cut in range(200):
            directory = home / f"tls{cut}"
            put(files, str(directory), OLD)
            kept = put(files, str(directory), NEW)
            try:
                install.put_back(_CutFiles(files, cut), str(directory), TOKEN, NAMES, kept)
                break
            except _CutError:
                install.put_back(files, str(directory), TOKEN, NAMES, kept)
            assert content(directory) == as_content(OLD)
            assert not list(directory.glob(".mmc-stage-*"))
    assert cut > 10
