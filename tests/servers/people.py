"""Throw-away system users for deployments over SSH."""

import os
import pwd
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.servers.child import is_root
from tests.servers.ports import wait_until

_OURS = re.compile(r"mmc-(\d+)-\d+")
_SUDOERS = Path("/etc/sudoers.d")


def new_ssh_key() -> tuple[str, str]:
    """Return (private key in OpenSSH format, public key line)."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return private.decode(), public.decode()


@dataclass(frozen=True)
class DeployUser:
    """Who logs in: a user of its own when we are root, else whoever runs the tests."""

    name: str
    home: Path
    private_key: str = field(repr=False)
    public_key: str

    def own(self, *paths: Path) -> None:
        """Give paths to this user; nothing to do when it is us."""
        if is_root():
            entry = pwd.getpwnam(self.name)
            for path in paths:
                os.chown(path, entry.pw_uid, entry.pw_gid)


def _account(*command: str) -> bool:
    """Run useradd or userdel; False while another run holds the lock on the account files."""
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    # Two runs may tidy up after the same dead one: gone is gone, and the loser of a race looks again.
    if answer.returncode == 0 or "does not exist" in answer.stderr:
        return True
    if "try again later" in answer.stderr or "cannot remove entry" in answer.stderr:
        return False
    raise RuntimeError(f"{' '.join(command)}: {answer.stderr.strip()}")


def _remove(name: str) -> None:
    (_SUDOERS / name).unlink(missing_ok=True)
    wait_until(lambda: _account("userdel", "--force", name), seconds=20, what=f"user {name} removed")


def _is_abandoned(name: str) -> bool:
    match = _OURS.fullmatch(name)
    return match is not None and not Path(f"/proc/{match[1]}").exists()


def _remove_abandoned() -> None:
    """Users of runs that were killed before they could tidy up."""
    for entry in pwd.getpwall():
        if _is_abandoned(entry.pw_name):
            _remove(entry.pw_name)


def _add(name: str, home: Path) -> None:
    command = ("useradd", "--system", "--no-create-home", "--user-group", "--shell", "/bin/sh")
    wait_until(
        lambda: _account(*command, "--home-dir", str(home), name),
        seconds=20,
        what=f"user {name} added",
    )


def _allow_sudo(name: str, commands: Sequence[str]) -> None:
    allow_lines(name, f"{name} ALL=(root) NOPASSWD: {', '.join(commands)}\n")


def allow_lines(name: str, lines: str) -> None:
    """What an admin pastes into `sudo visudo -f /etc/sudoers.d/<name>`, which refuses what is no sudoers file."""
    path = _SUDOERS / name
    path.write_text(f"{lines}\n")
    path.chmod(0o440)
    subprocess.run(["visudo", "-cqf", str(path)], check=True)


_count = iter(range(1_000_000))


@contextmanager
def deploy_user(place: Path, *, sudo: Sequence[str] = ()) -> Iterator[DeployUser]:
    """A user with a home directory in `place` and a key; removed at the end.

    `sudo` lists exact command lines allowed without a password (root only). Two runs at the same
    time have different users: the name carries our pid.
    """
    private, public = new_ssh_key()
    home = place / "home"
    home.mkdir()
    if not is_root():
        yield DeployUser(pwd.getpwuid(os.geteuid()).pw_name, home, private, public)
        return
    _remove_abandoned()
    name = f"mmc-{os.getpid()}-{next(_count)}"
    _add(name, home)
    try:
        if sudo:
            _allow_sudo(name, sudo)
        user = DeployUser(name, home, private, public)
        user.own(home)
        yield user
    finally:
        _remove(name)
