"""A private OpenSSH server with one deploy user whose key it accepts."""

import base64
import contextlib
import hashlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.child import Child, is_root
from tests.servers.people import DeployUser, deploy_user, new_ssh_key
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import free_port, wait_until

SSHD = "/usr/sbin/sshd"  # It re-executes itself for every connection: the path must be absolute.


def fingerprint_of(public_key: str) -> str:
    """SHA256:… as OpenSSH prints it."""
    digest = hashlib.sha256(base64.b64decode(public_key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


_BEGIN = re.compile(r"^Connection from \S+ port (\d+)", re.MULTILINE)
_PEER = re.compile(r"port (\d+)")
_END = re.compile("closed|reset|Read error|isconnect|Unable to negotiate|identification")


class Sshd:
    """A running sshd on one address of 127.0.0.0/8."""

    def __init__(self, place: Path, host: str, port: int, user: DeployUser) -> None:
        self.host = host
        self.port = port
        self.user = user
        self.place = place
        self.fingerprint = ""
        self.child: Child | None = None
        self._write_host_key()

    @property
    def pid(self) -> int:
        assert self.child is not None
        return self.child.pid

    def _write_host_key(self) -> None:
        private, public = new_ssh_key()
        path = self.place / "host_key"
        path.touch(mode=0o600)
        path.write_text(private)
        self.fingerprint = fingerprint_of(public)

    def rotate_host_key(self) -> str:
        """Serve a new host key from now on; returns its fingerprint."""
        assert self.child is not None
        self._write_host_key()
        self.child.send(signal.SIGHUP)
        self.child.wait_ready(self._offers_current_key)
        return self.fingerprint

    def cut(self) -> None:
        """End every connection that there is at this moment; new ones are taken."""
        # Each has a process that watches, and one of the user below it that holds the line.
        for pid in reversed(_below(self.pid)):
            with contextlib.suppress(ProcessLookupError):  # It ended with the one before.
                os.kill(pid, signal.SIGKILL)

    def _offers_current_key(self) -> bool:
        command = ["ssh-keyscan", "-T", "2", "-t", "ed25519", "-p", str(self.port), self.host]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [line.partition(" ")[2] for line in answer.stdout.splitlines() if line[0] != "#"]
        return bool(lines) and fingerprint_of(lines[0]) == self.fingerprint

    def greets(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                return connection.recv(8).startswith(b"SSH-2.0-")
        except OSError:
            return False

    def log(self) -> str:
        """What the server wrote by now; it writes after it has answered."""
        return (self.place / "sshd.log").read_text(errors="replace")

    def whole_log(self) -> str:
        """What the server wrote once it has seen the end of every connection: nothing is missing any more."""
        wait_until(lambda: not self._open_ports(), seconds=10, what="sshd's last word on each connection")
        return self.log()

    def _open_ports(self) -> set[str]:
        log = self.log()
        ended = {port for line in log.splitlines() if _END.search(line) for port in _PEER.findall(line)}
        return set(_BEGIN.findall(log)) - ended


def _below(pid: int) -> list[int]:
    """The processes that descend from `pid`, parents first."""
    children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [one for child in children for one in (child, *_below(child))]


def _lines(server: Sshd, extra: Sequence[str]) -> list[str]:
    place = server.place
    return [
        f"Port {server.port}",
        f"ListenAddress {server.host}",
        f"HostKey {place}/host_key",
        f"PidFile {place}/sshd.pid",
        f"AuthorizedKeysFile {place}/authorized_keys",
        # The keys lie under a world-writable directory (/tmp), which StrictModes refuses.
        "StrictModes no",
        # Without PAM an account that never had a password counts as locked.
        f"UsePAM {'yes' if is_root() else 'no'}",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PrintMotd no",
        "LogLevel VERBOSE",
        "MaxStartups 100",
        "Subsystem sftp internal-sftp",
        *extra,
    ]


def _accepts_configuration(path: Path) -> bool:
    answer = subprocess.run([SSHD, "-t", "-f", str(path)], capture_output=True, check=False)
    return answer.returncode == 0


def _write_configuration(server: Sshd, extra: Sequence[str]) -> Path:
    path = server.place / "sshd_config"
    # From 9.8 on sshd locks out addresses that failed before: every test shares one address.
    for calm in (["PerSourcePenalties no"], []):
        path.write_text("\n".join([*calm, *_lines(server, extra)]) + "\n")
        if _accepts_configuration(path):
            return path
    subprocess.run([SSHD, "-t", "-f", str(path)], check=True)
    return path


@contextmanager
def sshd(
    *,
    user: DeployUser | None = None,
    sudo: Sequence[str] = (),
    extra: Sequence[str] = (),
    host: str = "127.0.0.1",
) -> Iterator[Sshd]:
    """Start sshd; `extra` are lines of sshd_config (Match blocks last).

    Without `user` a deploy user of its own is made, who may run the `sudo` commands.
    """
    with private_directory("sshd", shared=True) as place:
        if user is None:
            with deploy_user(place, sudo=sudo) as own:
                yield from _serve(place, host, own, extra)
        else:
            yield from _serve(place, host, user, extra)


def _serve(place: Path, host: str, user: DeployUser, extra: Sequence[str]) -> Iterator[Sshd]:
    if is_root():
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    (place / "authorized_keys").write_text(user.public_key + "\n")
    server = Sshd(place, host, free_port(), user)
    path = _write_configuration(server, extra)
    child = Child("sshd", [SSHD, "-D", "-e", "-f", str(path)], log=place / "sshd.log", env=plain_environment())
    server.child = child
    try:
        child.wait_ready(server.greets)
        yield server
    finally:
        child.stop()
