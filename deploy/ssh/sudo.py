"""Files in directories that are root's: what this user may not do is done by sudo, one exact command at a time.

Which of the three sudoers rules there is, is asked of sudo itself. The generated one comes first, since it allows
least; a rule for /bin/sh is full root, and so, said plainly, is one for cp as root.
"""

import posixpath
import stat
from collections.abc import Callable, Sequence
from typing import Literal

from config.lib.errors import ExpectedError, NeedsUser
from deploy.ssh import command, passing, sudo_commands
from deploy.ssh.connect import Connection
from deploy.ssh.files import Entry, OneByOne, RemoteFiles, entry_of
from deploy.ssh.run import Outcome, run_command
from deploy.ssh.sudo_commands import Argv
from deploy.ssh.sudo_listing import asks_for_password

SECONDS = 20.0
SUDO = ("sudo", "-n", "--")
# The generated rules of many directories.
_MOST_LISTED = 4 * 1024 * 1024

# `rule`: the exact commands; `shell`: /bin/sh; `tools`: mkdir, cp, chmod, chown and rm, without a rename.
type Ability = Literal["rule", "shell", "tools"]

_REFUSED = (
    *("a password is required", "a terminal is required", "no tty present", "must have a tty"),
    *("not in the sudoers file", "not allowed to execute", "may not run sudo", "command not found"),
)
_WORDS = (
    ("invalid user", "owner_unknown"),
    ("invalid group", "owner_unknown"),
    ("no space left", "disk_full"),
    ("read-only file system", "disk_read_only"),
)


def find_ability(connection: Connection, wanted: Sequence[Argv], directory: str) -> Ability | None:
    """How far sudo lets this user go, the least of it that suffices; None: not at all. Changes nothing."""
    tools = [
        *(sudo_commands.make_directories(directory), sudo_commands.replace_by_copy(directory, directory)),
        *(sudo_commands.set_mode(directory, 0o755), sudo_commands.remove(directory)),
    ]
    ways: list[tuple[Ability, Sequence[Argv]]] = [
        ("rule", wanted),
        ("shell", [["/bin/sh", "-c", "true"]]),
        ("tools", tools),
    ]
    listed = list_rights(connection)
    return next((way for way, argvs in ways if not any(refusal_of(connection, argv, listed) for argv in argvs)), None)


def list_rights(connection: Connection) -> str:
    """All that sudo lists for this user; empty where it lists nothing without a password."""
    outcome = run_command(connection, command.from_argv(["sudo", "-n", "-l"]), seconds=SECONDS, most=_MOST_LISTED)
    return outcome.output if outcome.is_ok else ""


def refusal_of(connection: Connection, argv: Argv, listed: str) -> str:
    """Why sudo would not run it without a password, in its own words; empty: it would. Runs nothing."""
    asked = command.from_argv(["sudo", "-n", "-l", "--", *argv])
    outcome = run_command(connection, asked, seconds=SECONDS)
    if not outcome.is_ok:
        return outcome.output or "it is not allowed"
    path = next(iter(outcome.output.split()), "")
    program = path if path.startswith("/") else argv[0]
    # Root is listed like everybody else and never asked.
    if connection.username != "root" and asks_for_password(listed, [program, *argv[1:]]):
        return "sudo: a password is required"
    return ""


def with_sudo(plain: RemoteFiles, ability: Ability, rule: str) -> "SudoFiles":
    """`rule` is what to paste where sudo refuses all the same."""
    return (ToolFiles if ability == "tools" else SudoFiles)(plain, ability, rule)


class SudoFiles(OneByOne):
    """Looking is tried as the user first; whatever changes something goes through sudo."""

    is_atomic = True

    def __init__(self, plain: RemoteFiles, ability: Ability, rule: str) -> None:
        super().__init__(plain.connection, plain.client, plain.seconds)
        self.ability = ability
        self._rule = rule

    def entry(self, path: str) -> Entry | None:
        return self._seen(path, lambda: super(SudoFiles, self).entry(path), sudo_commands.look_at)

    def is_directory(self, path: str) -> bool:
        try:
            return super().is_directory(path)
        except NeedsUser:
            found = self._looked(sudo_commands.look_through(path))
            return found is not None and found.kind == "directory"

    def sha256(self, path: str) -> str:
        found = super().sha256(path)
        if found != "?":
            return found
        outcome = self._run(sudo_commands.sha256(path))
        return outcome.output[:64] if outcome.is_ok else "?"

    def make_directories(self, path: str) -> list[str]:
        if self.is_directory(path):
            return []
        self._do(sudo_commands.make_directories(path), path)
        return [path]

    def make_directory(self, path: str, mode: int) -> None:
        self._do(sudo_commands.make_directory(path, mode), path)

    def write_new(self, path: str, content: bytes, mode: int) -> None:
        """Into a folder of ours that is root's alone, so nobody reads it before it has its mode."""
        self._do(sudo_commands.write(path), path, stdin=content)
        self._do(sudo_commands.set_mode(path, mode), path)

    def duplicate(self, old: str, new: str, entry: Entry) -> bool:
        self.remove(new)
        self._do(sudo_commands.duplicate(old, new), new)
        return True

    def rename(self, old: str, new: str) -> None:
        self._do(sudo_commands.replace(old, new), new)

    def remove(self, path: str) -> None:
        self._do(sudo_commands.remove(path), path)

    def remove_directory(self, path: str) -> None:
        if self.entry(path):
            self._do(sudo_commands.remove_directory(path), path)

    def set_owner(self, path: str, owner: str) -> None:
        self._do(sudo_commands.set_owner(path, owner), path, owner=owner)

    def owner_of(self, path: str) -> str:
        outcome = self._run(sudo_commands.owner_of(path))
        return outcome.output if outcome.is_ok else ""

    def _seen(self, path: str, look: Callable[[], Entry | None], ask: Callable[[str], Argv]) -> Entry | None:
        try:
            return look()
        except NeedsUser as error:
            if error.code != "path_denied":
                raise
        return self._looked(ask(path))

    def _looked(self, argv: Argv) -> Entry | None:
        """Where sudo does not look either, nothing is known to be there; what is written next says why not."""
        outcome = self._run(argv)
        mode, _, rest = outcome.output.partition(":")
        owner, _, size = rest.partition(":")
        if not outcome.is_ok or not (owner.isdecimal() and size.isdecimal()):
            return None
        return entry_of(int(mode, 16), int(owner), int(size))

    def _do(self, argv: Argv, path: str, *, stdin: bytes = b"", owner: str = "") -> None:
        outcome = self._run(argv, stdin)
        if not outcome.is_ok:
            raise self._why(outcome, argv, path, owner)

    def _run(self, argv: Argv, stdin: bytes = b"") -> Outcome:
        built = command.in_sh([argv], prefix=SUDO) if self.ability == "shell" else command.from_argv([*SUDO, *argv])
        return run_command(self.connection, built, seconds=SECONDS, stdin=stdin)

    def _why(self, outcome: Outcome, argv: Argv, path: str, owner: str) -> ExpectedError:
        said = outcome.output.lower()
        code = next((code for words, code in _WORDS if words in said), "sudo_failed")
        if any(words in said for words in _REFUSED):
            code = "sudo_needs_rule"
        return NeedsUser(
            code,
            path=path,
            directory=posixpath.dirname(path),
            owner=owner,
            command=command.from_argv(argv).shown,
            output=outcome.output[-300:] or "nothing",
            host=self.connection.host,
            username=self.connection.username,
            rule=self._rule,
        )


class ToolFiles(SudoFiles):
    """By the documented list of tools. It has no rename, so a file is missing for a moment while it is replaced."""

    is_atomic = False

    def write_new(self, path: str, content: bytes, mode: int) -> None:
        """Through the user's home: without a shell, `cp` reads from a file only. 0600 before it has content."""
        home = self.home()
        folder, way = passing.folder_in(home), passing.place_in(home, path)
        if RemoteFiles.entry(self, folder) is None:
            RemoteFiles.make_directory(self, folder, 0o700)
        RemoteFiles.remove(self, way)
        try:
            RemoteFiles.write_new(self, way, content, 0o600)
            self._do(sudo_commands.replace_by_copy(way, path), path)
        finally:
            passing.remove(self, [path])
        self._do(["/bin/chown", "--", "root:root", path], path)
        self._do(sudo_commands.set_mode(path, mode), path)

    def rename(self, old: str, new: str) -> None:
        self._do(sudo_commands.replace_by_copy(old, new), new)
        self.remove(old)

    def remove_directory(self, path: str) -> None:
        if self.entry(path):
            self._do(["/bin/rm", "-fd", "--", path], path)

    def sha256(self, path: str) -> str:
        return RemoteFiles.sha256(self, path)

    def owner_of(self, path: str) -> str:
        return RemoteFiles.owner_of(self, path)

    def is_directory(self, path: str) -> bool:
        try:
            return RemoteFiles.is_directory(self, path)
        except NeedsUser as error:
            raise self._cannot_look(path) from error

    def _looked(self, argv: Argv) -> Entry | None:
        """Among the tools none looks. In our own folders there is what the journal says that there is."""
        path = argv[-1]
        if "/.mmc-" not in path:
            raise self._cannot_look(path)
        return entry_of(stat.S_IFREG | 0o600, 0, 0)

    def _cannot_look(self, path: str) -> NeedsUser:
        known = {"host": self.connection.host, "username": self.connection.username, "rule": self._rule}
        return NeedsUser("tools_cannot_look", path=path, **known)


def require_roots(files: RemoteFiles, directory: str) -> None:
    """Root must not write where somebody else could lead it elsewhere. Raises NeedsUser directory_not_roots."""
    path = directory
    while path != "/":
        entry = files.entry(path)
        is_open = entry is not None and bool(entry.mode & 0o002) and not entry.mode & stat.S_ISVTX
        if entry and entry.kind == "directory" and (entry.owner != 0 or is_open):
            known = {"host": files.connection.host, "username": files.connection.username}
            raise NeedsUser("directory_not_roots", path=path, directory=directory, **known)
        path = posixpath.dirname(path)
