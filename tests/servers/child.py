"""One server as our child: it dies with us, writes to a log of its own and is stopped by pid."""

import atexit
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.servers.ports import NotReadyError, wait_until


def is_root() -> bool:
    return os.geteuid() == 0


def _start_time(pid: int) -> str | None:
    """The kernel's start tick of a process; with the pid it names one process for good."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def family(pid: int) -> dict[int, str]:
    """Return {pid: start tick} of a process and all its living descendants."""
    parents = _parents()
    pids = [pid]
    for current in pids:
        pids.extend(child for child, parent in parents.items() if parent == current)
    ticks = {member: _start_time(member) for member in pids}
    return {member: tick for member, tick in ticks.items() if tick is not None}


def alive(members: Mapping[int, str]) -> list[int]:
    """Which members of an earlier `family()` still run."""
    return [pid for pid, tick in members.items() if _start_time(pid) == tick]


def as_user(user: str | None) -> list[str]:
    """Return the setpriv prefix: another user where asked for, and a TERM when we die.

    setpriv rather than preexec_fn, which is unsafe once a thread runs; and rather than runuser,
    whose change of user clears the death signal.
    """
    prefix = ["setpriv", "--pdeathsig", "TERM"]
    if user is not None and is_root():
        entry = pwd.getpwnam(user)
        prefix += ["--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--init-groups"]
    return [*prefix, "--"]


class Child:
    """A running server. Start it from a thread that lives as long as it should."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | str = "/",
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                [*as_user(user), *argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
            )
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    def log_tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_ready(self, condition: Callable[[], object], *, seconds: float = 20) -> None:
        """Poll until the server answers; raise NotReadyError with its log when it does not."""
        try:
            wait_until(lambda: self.has_ended() or condition(), seconds=seconds, what=f"{self.name} ready")
        except NotReadyError as error:
            raise NotReadyError(f"{error}\n{self.log_tail()}") from error
        if self.has_ended():
            raise NotReadyError(f"{self.name} ended at once\n{self.log_tail()}")

    def send(self, number: signal.Signals) -> None:
        if not self.has_ended():
            self._popen.send_signal(number)

    def stop(self, *, seconds: float = 10) -> None:
        """End it and all its descendants: politely, then for certain. Repeatable."""
        atexit.unregister(self.stop)
        members = family(self.pid) if not self.has_ended() else {}
        self.send(signal.SIGTERM)
        try:
            self._popen.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        for pid in alive(members):
            _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
