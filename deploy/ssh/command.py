"""The one place where a command for a remote shell is built.

`Command` values come from here alone and `run.run_command` takes nothing else, so a value can
reach a shell only as one quoted word. sshd hands the text to the user's login shell: one layer.
A line inside `sh -c` passes two shells and is quoted for both.

Everything runs in English, since a failure is recognised by its words. `env` sets that for sudo, too, which speaks the
caller's language; a sudoers rule sees nothing of it. An assignment in front would not do for every login shell.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_ENGLISH = ("env", "LC_ALL=C")
# The line is the second word of this fixed text, never part of it. Closing an SSH channel does not
# end what runs on the server, so `timeout` does; where it is missing the line runs all the same.
_BOUNDED = 'if command -v timeout >/dev/null 2>&1; then exec timeout "$2" sh -c "$1"; else exec sh -c "$1"; fi'


@dataclass(frozen=True)
class Command:
    """A finished command line for the login shell, and what to show of it."""

    text: str
    shown: str


def from_argv(argv: Sequence[str]) -> Command:
    """A program and its arguments, each reaching it as the very same bytes."""
    return Command(text=_in_english(argv), shown=_quoted(argv))


def from_line(line: str, *, seconds: int) -> Command:
    """A line that an admin wrote, run by `sh` on the server and ended there after `seconds`."""
    return Command(text=_in_english(["sh", "-c", _BOUNDED, "mmc", line, str(seconds)]), shown=line)


# Of every process its user and its command line; where there is no ps, from /proc.
_PROCESSES = (
    "ps -eo user:32=,args= 2>/dev/null || for one in /proc/[0-9]*; do "
    'stat -c %U "$one" 2>/dev/null | tr "\\n" " "; tr "\\0\\n" "  " < "$one/cmdline" 2>/dev/null; echo; done'
)


def processes() -> Command:
    """List what runs on the server, a line each: user, command line."""
    return from_argv(["sh", "-c", _PROCESSES])


def which(program: str, search_path: str) -> Command:
    """Print the path under which `program` is found in `search_path` on the server."""
    return from_argv(["env", f"PATH={search_path}", "sh", "-c", 'command -v "$1"', "mmc", program])


def in_sh(argvs: Sequence[Sequence[str]], *, prefix: Sequence[str] = ()) -> Command:
    """Several programs in one `sh -c`, each only if the one before succeeded; `prefix` is sudo, if anything."""
    script = " && ".join(_quoted(argv) for argv in argvs)
    return Command(text=_in_english([*prefix, "/bin/sh", "-c", script]), shown=script)


def _in_english(argv: Sequence[str]) -> str:
    return _quoted([*_ENGLISH, *argv])


def _quoted(argv: Sequence[str]) -> str:
    if not argv or any("\0" in word for word in argv):
        raise ValueError("a command needs words without NUL")
    return shlex.join(argv)
