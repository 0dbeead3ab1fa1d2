"""Child processes of `manage.py run`: started, watched, restarted, stopped."""

import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger("supervisor")

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# A child that lived this long was healthy: its next restart starts over with the shortest pause.
HEALTHY_SECONDS = 30.0


def _die_with_parent() -> None:
    """Runs in the child: the kernel kills it when the supervisor dies, even by SIGKILL."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Child:
    """One process of the portal; its output goes to `log_dir`, its pid to `run_dir`."""

    name: str
    argv: Sequence[str]
    log_dir: Path
    run_dir: Path
    env: Mapping[str, str] = field(default_factory=dict)
    popen: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    restart_at: float = 0.0

    def start(self) -> None:
        """A session of its own, so that Ctrl-C in the terminal reaches the supervisor alone."""
        with (self.log_dir / f"{self.name}.log").open("ab") as output:
            self.popen = subprocess.Popen(
                self.argv,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  (the supervisor has a single thread)
            )
        self.started = time.monotonic()
        # By a rename: whoever reads it between two lives must find the one pid or the other.
        written = self.run_dir / f"{self.name}.pid.new"
        written.write_text(f"{self.popen.pid}\n", encoding="ascii")
        written.replace(self.run_dir / f"{self.name}.pid")

    def watch(self) -> None:
        """Notice an unexpected end and start again after a growing pause; call it often, it never blocks."""
        if self.popen is None or self.popen.poll() is None:
            return
        now = time.monotonic()
        if not self.restart_at:
            self.pause = FIRST_PAUSE if now - self.started > HEALTHY_SECONDS else min(self.pause * 2, LONGEST_PAUSE)
            self.restart_at = now + self.pause
            log.warning("child.ended", extra={"child": self.name, "status": self.popen.returncode})
        elif now >= self.restart_at:
            self.restart_at = 0.0
            self.start()

    def ask_to_stop(self) -> None:
        if self.popen is not None and self.popen.poll() is None:
            self.popen.terminate()

    def wait_stopped(self, deadline: float) -> None:
        """Until it ended, by force at `deadline` (monotonic seconds)."""
        if self.popen is None:
            return
        try:
            self.popen.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("child.killed", extra={"child": self.name})
            # The whole session: a pool process must not outlive its parent.
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()
        (self.run_dir / f"{self.name}.pid").unlink(missing_ok=True)
