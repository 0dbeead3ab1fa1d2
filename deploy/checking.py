"""`Test SSH`: everything that a deploy will need, looked at without changing anything, pinned or not."""

import posixpath
from collections.abc import Callable, Sequence
from functools import partial

from config.lib.errors import ExpectedError, NeedsUser
from deploy import sudoers, unseal
from deploy.models import Target, TargetRun
from deploy.placing import files_of
from deploy.result import Result
from deploy.session import opened
from deploy.ssh import command
from deploy.ssh.connect import Connection
from deploy.ssh.files import RemoteFiles, remote_files
from deploy.ssh.redact import redact
from deploy.ssh.run import run_command
from deploy.ssh.sudo import list_rights, refusal_of, require_roots
from deploy.trail import Trail

State = TargetRun.State
_SECONDS = 15


def check_target(run: TargetRun, trail: Trail) -> Result:
    """Sign in and look. Succeeds, or is partial with the first thing that a deploy would stumble over.

    What keeps us out altogether leaves as an exception. Repeatable; no side effect on the server.
    """
    if run.target is None or run.server is None:
        raise NeedsUser("deploy_nothing_left")
    target, server = run.target, run.server
    problems: list[ExpectedError] = []
    hidden = unseal.secrets_of(server)
    with opened(run, trail, server, must_be_trusted=False) as connection:
        has_shell = check_shell(trail, connection, target, problems)
        with trail.step("Open SFTP", seconds=_SECONDS * 2), remote_files(connection):
            pass
        with remote_files(connection) as plain:
            if target.use_sudo and target.certificate_directories:
                _check(problems, partial(check_install, trail, connection, plain, target))
            else:
                for directory in target.certificate_directories:
                    _check(problems, partial(check_directory, trail, connection, plain, directory, has_shell))
        if has_shell:
            for line in target.reload_commands:
                _check(problems, partial(check_sudo, trail, connection, line, hidden))
    if problems:
        return Result(State.PARTIAL, error=problems[0])
    return Result(State.SUCCEEDED)


def _check(problems: list[ExpectedError], act: Callable[[], None]) -> None:
    """Go on after a problem: a person fixes all of them in one go."""
    try:
        act()
    except NeedsUser as error:
        problems.append(error)


def check_shell(trail: Trail, connection: Connection, target: Target, problems: list[ExpectedError]) -> bool:
    """Whether commands can be run; that they cannot is a problem only where there are some."""
    try:
        with trail.step("Run a command", seconds=_SECONDS * 2) as note:
            outcome = run_command(connection, command.from_argv(["echo", "ok"]), seconds=_SECONDS)
            note.detail = "a shell answers" if outcome.is_ok else f"exit {outcome.exit_code}: {outcome.output[:200]}"
            if not outcome.is_ok and target.reload_commands:
                # nologin and restricted shells take a command and do not run it.
                raise NeedsUser("ssh_no_shell", host=connection.host, username=connection.username)
            return outcome.is_ok
    except NeedsUser as error:
        if target.reload_commands:
            problems.append(error)
        return False


def check_directory(trail: Trail, connection: Connection, files: RemoteFiles, path: str, has_shell: bool) -> None:
    with trail.step(f"Look at {path}", seconds=_SECONDS * 3) as note:
        with connection.within(_SECONDS, "look at the directory"):
            nearest = nearest_directory(files, path)
        is_there = nearest == path
        note.detail = "it is there" if is_there else f"it is not there yet; it will be made below {nearest}"
        if not has_shell:
            note.detail += ", whether it can be written is seen when files are"
            return
        writable = run_command(connection, command.from_argv(["test", "-w", nearest]), seconds=_SECONDS)
        if not writable.is_ok:
            known = {"host": connection.host, "username": connection.username, "directory": path}
            raise NeedsUser("path_denied" if is_there else "mkdir_denied", path=path, deed="write", **known)
        note.detail += " and can be written"


def check_install(trail: Trail, connection: Connection, plain: RemoteFiles, target: Target) -> None:
    """By sudo: which rule there is, and that nobody but root could lead it elsewhere."""
    files = files_of(trail, target, connection, plain)
    for directory in target.certificate_directories:
        with trail.step(f"Look at {directory}", seconds=_SECONDS * 6) as note:
            with connection.within(_SECONDS * 5, "look at the directory"):
                require_roots(files, directory)
                note.detail = "it is there" if files.is_directory(directory) else "it is not there yet; it will be made"
            note.detail += ", and root's alone"


def nearest_directory(files: RemoteFiles, path: str) -> str:
    """The first directory from `path` upwards; / whatever a server says about it."""
    while path != "/" and not files.is_directory(path):
        path = posixpath.dirname(path)
    return path


def check_sudo(trail: Trail, connection: Connection, line: str, secrets: Sequence[str]) -> None:
    """Ask sudo whether it would run the command, without running it."""
    program = sudoers.wanted_program(line)
    if not program:
        return
    with trail.step(f"May it run: {line}", seconds=_SECONDS * 2) as note:
        refusal = refusal_of(connection, program, list_rights(connection))
        if refusal:
            path = run_command(connection, command.which(program[0], sudoers.SECURE_PATH), seconds=_SECONDS).output
            rule = sudoers.rule(connection.username, [[path or sudoers.usual_path(program[0]), *program[1:]]])
            raise NeedsUser(
                "sudo_needs_rule",
                command=line,
                sudo_command=line,
                output=redact(refusal, secrets)[-300:],
                host=connection.host,
                username=connection.username,
                rule=rule,
            )
        note.detail = "sudo allows it"
