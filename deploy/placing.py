"""By what rights a target's files are put in place: as the SSH user, or by sudo."""

from config.lib.errors import NeedsUser
from deploy import sudoers
from deploy.models import Target
from deploy.ssh import sudo
from deploy.ssh.connect import Connection
from deploy.ssh.files import RemoteFiles
from deploy.ssh.sudo import Ability, find_ability
from deploy.trail import Trail

IN_WORDS: dict[Ability, str] = {
    "rule": "exactly these commands, as the generated rule says",
    "shell": "/bin/sh, which is full root; the generated rule suffices and allows less",
    "tools": "mkdir, cp, chmod, chown and rm: not atomic, each file is missing for a moment; the generated rule is",
}


def files_of(trail: Trail, target: Target, connection: Connection, plain: RemoteFiles) -> RemoteFiles:
    """`plain`, or by sudo where the target says so. Raises NeedsUser sudo_needs_rule."""
    if not target.use_sudo:
        return plain
    rule = sudoers.install_rule(connection.username, target)
    wanted = sudoers.install_commands(target)
    with trail.step("Find out what sudo allows", seconds=sudo.SECONDS * 4) as note:
        # One of each directory is enough to tell the rules apart; what is missing beside it is said when it is run.
        ability = find_ability(connection, wanted[:: max(len(wanted) // 4, 1)], target.certificate_directories[0])
        if ability is None:
            known = {"host": connection.host, "username": connection.username, "rule": rule}
            raise NeedsUser("sudo_needs_rule", command="what installs the files", output="it is not allowed", **known)
        note.detail = IN_WORDS[ability]
        note.data = {"sudo": ability}
    return sudo.with_sudo(plain, ability, rule)
