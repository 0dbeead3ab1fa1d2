"""Reload commands: run one by one as the SSH user, and understood when they fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.lib.errors import ExpectedError, NeedsUser
from deploy import sudoers
from deploy.ssh import command
from deploy.ssh.connect import Connection
from deploy.ssh.run import GRACE_SECONDS, TIMED_OUT, Outcome, run_command

COMMAND_SECONDS = 90
MAX_KEPT = 8 * 1024
_LOOK_UP_SECONDS = 10
LONGEST_SECONDS = COMMAND_SECONDS + GRACE_SECONDS + _LOOK_UP_SECONDS + GRACE_SECONDS

# What sudo and systemd say, in lower case; the first that matches names the problem.
_WORDS: Sequence[tuple[str, str]] = (
    ("a password is required", "sudo_needs_rule"),
    ("a terminal is required to read the password", "sudo_needs_rule"),
    ("no tty present", "sudo_needs_rule"),
    ("you must have a tty to run sudo", "sudo_needs_rule"),
    ("is not in the sudoers file", "sudo_needs_rule"),
    ("is not allowed to execute", "sudo_needs_rule"),
    ("interactive authentication required", "reload_needs_root"),
    ("access denied", "reload_needs_root"),
    ("system has not been booted with systemd", "reload_without_systemd"),
)


@dataclass(frozen=True)
class Ran:
    """One command that was run."""

    line: str
    outcome: Outcome

    def as_json(self) -> dict[str, Any]:
        return {
            "command": self.line,
            "exit_code": self.outcome.exit_code,
            "seconds": round(self.outcome.seconds, 2),
            "output": self.outcome.output[-MAX_KEPT:],
        }

    def summary(self) -> str:
        """`exit 0`, or the last line of what it said."""
        if self.outcome.is_ok:
            return "exit 0"
        said = self.outcome.output.splitlines()
        ended = "no exit code" if self.outcome.exit_code is None else f"exit {self.outcome.exit_code}"
        return f"{ended}: {said[-1][:300]}" if said else ended


def run_line(connection: Connection, line: str, secrets: Sequence[str]) -> Ran:
    """Run one reload command. Blocks up to COMMAND_SECONDS and a grace; a failure is in the outcome."""
    built = command.from_line(line, seconds=COMMAND_SECONDS)
    return Ran(line, run_command(connection, built, seconds=COMMAND_SECONDS, secrets=secrets))


def explain(connection: Connection, ran: Ran) -> ExpectedError:
    """Why it failed, with the exact sudoers lines where those are what is missing. May ask the server for paths."""
    code = _code_of(ran.outcome)
    programs = [_with_path(connection, sudoers.wanted_program(ran.line) or ran.line.split())]
    return NeedsUser(
        code,
        command=ran.line,
        sudo_command=ran.line if ran.line.startswith("sudo ") else f"sudo -n {ran.line}",
        exit_code="none" if ran.outcome.exit_code is None else ran.outcome.exit_code,
        output=ran.outcome.output[-600:] or "nothing",
        seconds=COMMAND_SECONDS,
        username=connection.username,
        host=connection.host,
        rule=sudoers.rule(connection.username, programs),
    )


def _code_of(outcome: Outcome) -> str:
    said = outcome.output.lower()
    for words, code in _WORDS:
        if words in said:
            return code
    if outcome.exit_code == TIMED_OUT:
        return "reload_timed_out"
    return "reload_not_found" if outcome.exit_code == 127 else "reload_failed"


def _with_path(connection: Connection, program: Sequence[str]) -> list[str]:
    """The program with the absolute path that sudo would find, which the sudoers line has to name."""
    if program[0].startswith("/"):
        return list(program)
    look_up = command.which(program[0], sudoers.SECURE_PATH)
    found = run_command(connection, look_up, seconds=_LOOK_UP_SECONDS).output.splitlines()
    path = found[0] if found and found[0].startswith("/") else sudoers.usual_path(program[0])
    return [path, *program[1:]]
