"""Lines for /etc/sudoers.d, with the reader's own names filled in. Pure."""

import re
import shlex
from collections.abc import Sequence

from deploy.models import Target
from deploy.ssh import placement, sudo_commands

# sudo looks programs up here, whatever the user's own PATH says.
SECURE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Of daemons and those who look after them, where systems keep the two apart; elsewhere /usr/sbin leads to /usr/bin.
_OF_SBIN = frozenset(
    [
        "apache2",
        "apache2ctl",
        "apachectl",
        "dovecot",
        "exim",
        "exim4",
        "haproxy",
        "httpd",
        "nginx",
        "opensips",
        "postfix",
        "rc-service",
        "service",
    ]
)
_SHELL_SIGNS = re.compile(r"[;&|<>$`(){}*?\[\]~#!\n]")


def plain_words(line: str) -> list[str]:
    """The words of a line that is one call; empty when a shell would make more of it."""
    if _SHELL_SIGNS.search(line):
        return []
    try:
        return shlex.split(line)
    except ValueError:
        return []


def wanted_program(line: str) -> list[str]:
    """The program and arguments that `sudo` runs in a reload command; empty when it is no plain sudo call."""
    words = plain_words(line)
    if not words or words[0].rpartition("/")[2] != "sudo":
        return []
    rest = words[1:]
    while rest and rest[0] in ("-n", "--non-interactive", "--"):
        rest = rest[1:]
    return [] if not rest or rest[0].startswith("-") else rest


def rule(username: str, programs: Sequence[Sequence[str]], *, by_line: bool = False) -> str:
    """The two documented lines that allow exactly these calls (absolute path first) and nothing else."""
    between = ", \\\n    " if by_line else ", "
    commands = between.join(" ".join(_escaped(word) for word in program) for program in programs)
    return f"{username} ALL=(root) NOPASSWD: {commands}\nDefaults:{username} !requiretty"


def install_commands(target: Target) -> list[list[str]]:
    """Everything that putting this target's files in place may run."""
    modes = {target.names[file.part]: file.mode for file in placement.FILES}
    return sudo_commands.all_for(target.certificate_directories, modes, target.owner)


def install_rule(username: str, target: Target) -> str:
    """The least that `Use sudo for cert install` needs: exact commands for exactly these directories."""
    return rule(username, install_commands(target), by_line=True)


def _escaped(word: str) -> str:
    """In sudoers these separate commands or mean something else (sudoers(5), quoting)."""
    return re.sub(r"([\\,:=\s])", r"\\\1", word)


def lines_for(username: str, commands: Sequence[str]) -> str:
    """The sudoers lines for the reload commands that use sudo; empty when none does.

    Where the program is given without its path the usual one is written; `which` on the server tells.
    """
    programs = [program for program in map(wanted_program, commands) if program]
    if not programs:
        return ""
    return rule(username, [[usual_path(program[0]), *program[1:]] for program in programs])


def usual_path(program: str) -> str:
    """Where most systems have it; as it is where it has a path."""
    if program.startswith("/"):
        return program
    return f"/usr/sbin/{program}" if program in _OF_SBIN else f"/usr/bin/{program}"


def user_lines(username: str, public_key: str, directories: Sequence[str]) -> str:
    """What makes the deploy user on a server, with the key's public half and the directories."""
    home = f"/home/{username}"
    key = public_key or "ssh-ed25519 AAAA… managemycert deploy"
    return "\n".join(
        [
            f"sudo useradd --system --create-home --shell /bin/bash {username}",
            f"sudo install -d -m 700 -o {username} -g {username} {home}/.ssh",
            f"echo {shlex.quote(key)} | sudo tee -a {home}/.ssh/authorized_keys",
            f"sudo chown {username}:{username} {home}/.ssh/authorized_keys",
            f"sudo chmod 600 {home}/.ssh/authorized_keys",
            *(f"sudo install -d -m 755 -o {username} -g {username} {directory}" for directory in directories),
        ]
    )
