"""By what rights a configuration file is changed: as the SSH user, or by sudo with exactly these commands."""

import posixpath
import re
from collections.abc import Iterable, Sequence

from config.lib.errors import NeedsUser
from deploy import sudoers
from deploy.models import Target
from deploy.placing import IN_WORDS
from deploy.redirects.standing import Changed, Standing
from deploy.ssh import command, sudo, sudo_commands
from deploy.ssh.connect import Connection
from deploy.ssh.files import RemoteFiles
from deploy.ssh.placement import STAGE_PREFIX
from deploy.ssh.run import run_command
from deploy.ssh.sudo import find_ability, require_roots
from deploy.ssh.sudo_commands import Argv
from deploy.trail import Trail

# No server loads anything from here. By sudo it is root's alone to write.
OF_ROOT = "/var/backups/managemycert"
OF_USER = ".mmc-backups"
STAMP = "%Y%m%dT%H%M%SZ"
# The same in a rule: each bracket is one digit, so that the rule stays good for the next fix (sudoers(5), wildcards).
_ANY_STAMP = f"{'[0-9]' * 8}T{'[0-9]' * 6}Z"
_STAMPED = re.compile(r"\.mmc-backup-\d{8}T\d{6}Z$")
_LOOK_SECONDS = 10.0


def backups_of(target: Target, files: RemoteFiles) -> str:
    """The folder for what is replaced: out of reach of every pattern by which a server includes files."""
    is_roots = target.use_sudo or target.server.username == "root"
    return OF_ROOT if is_roots else posixpath.join(files.home(), OF_USER)


def stage_of(file: str) -> str:
    """A folder on the same file system, for an exchange in one step; `*` in an include leaves out what begins so."""
    return posixpath.join(posixpath.dirname(file), STAGE_PREFIX + "redirect")


def staged(file: str) -> str:
    return posixpath.join(stage_of(file), posixpath.basename(file))


def commands_of(known: Changed, backup: str) -> list[Argv]:
    """All that changing the file, going back and tidying up may run by sudo."""
    stage, new = stage_of(known.file), staged(known.file)
    return [
        sudo_commands.make_directories(posixpath.dirname(backup)),
        *(sudo_commands.write(backup), sudo_commands.set_mode(backup, known.mode), sudo_commands.remove(backup)),
        *(sudo_commands.look_at(stage), sudo_commands.make_directory(stage, 0o700)),
        *(sudo_commands.write(new), sudo_commands.set_mode(new, known.mode)),
        *(sudo_commands.owner_of(new), sudo_commands.set_owner(new, known.owner)),
        *(sudo_commands.replace(new, known.file), sudo_commands.remove(new)),
        sudo_commands.remove_directory(stage),
    ]


def rule_of(connection: Connection, target: Target, standing: Standing) -> str:
    """The sudoers lines for all of it; empty when nothing of it is done by sudo. Asks the server for paths."""
    files = _of_all(commands_of(one, _STAMPED.sub(f".mmc-backup-{_ANY_STAMP}", one.backup)) for one in standing.files)
    programs = [program for program in map(sudoers.wanted_program, standing.commands) if program]
    wanted = [*(files if target.use_sudo else []), *(_with_path(connection, program) for program in programs)]
    return sudoers.rule(connection.username, wanted, by_line=True) if wanted else ""


def _of_all(commands: Iterable[Sequence[Argv]]) -> list[Argv]:
    """What several files need alike once."""
    return list({tuple(argv): argv for of_one in commands for argv in of_one}.values())


def _with_path(connection: Connection, program: Sequence[str]) -> Argv:
    if program[0].startswith("/"):
        return list(program)
    asked = command.which(program[0], sudoers.SECURE_PATH)
    found = run_command(connection, asked, seconds=_LOOK_SECONDS).output.splitlines()
    return [found[0] if found and found[0].startswith("/") else sudoers.usual_path(program[0]), *program[1:]]


def files_by_right(
    trail: Trail, target: Target, connection: Connection, plain: RemoteFiles, standing: Standing
) -> RemoteFiles:
    """`plain`, or by sudo where the target says so. Raises NeedsUser redirect_needs_rule, directory_not_roots."""
    if not target.use_sudo:
        return plain
    wanted = _of_all(commands_of(one, one.backup) for one in standing.files)
    folders = [posixpath.dirname(path) for one in standing.files for path in (one.file, one.backup)]
    with trail.step("Find out what sudo allows", seconds=sudo.SECONDS * len(wanted)) as note:
        rule = rule_of(connection, target, standing)
        ability = find_ability(connection, wanted, folders[0])
        if ability is None:
            known = {"host": connection.host, "username": connection.username, "rule": rule}
            raise NeedsUser("redirect_needs_rule", file=", ".join(one.file for one in standing.files), **known)
        note.detail = IN_WORDS[ability]
    files = sudo.with_sudo(plain, ability, rule)
    for folder in dict.fromkeys(folders):
        require_roots(files, folder)
    return files
