"""A rehearsal on one server: everything that answering the CA and installing will need, changing nothing there.

The token alone is put there, and taken away again.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Q
from django.db.models.functions import Now

from certificates.models import Renewal
from certificates.renewal.checks import Check
from certificates.renewal.sweep import wish_of
from certificates.solvers import OVER_SSH
from config.lib.errors import ExpectedError, NeedsUser, Transient
from deploy import sudoers, unseal
from deploy.checking import check_directory, check_install, check_shell, check_sudo, nearest_directory
from deploy.daemons import is_test
from deploy.http01.answering import http01_of
from deploy.http01.requirements import first_target
from deploy.models import Server, Target, TargetRun
from deploy.readiness.token import ask_for_token
from deploy.readiness.work import require_wanted
from deploy.reload import LONGEST_SECONDS, explain, run_line
from deploy.result import Result
from deploy.session import SignedIn, opened
from deploy.ssh.files import remote_files
from deploy.trail import Trail

State, Kind = TargetRun.State, TargetRun.Kind
_SECONDS = 15.0
# The files of one certificate are far smaller.
LEAST_ROOM = 1024 * 1024
# What sudo refuses, wherever it was met.
OF_SUDO = frozenset({"sudo_needs_rule", "listener_needs_rule", "listener_no_sudo", "reload_needs_root"})
_NAMES_SUDO = re.compile(r"\bsudo\b")


@dataclass
class Rehearsal(SignedIn):
    """`checks` grows."""

    has_shell: bool
    checks: list[Check] = field(default_factory=list)


def rehearse_on_target(run: TargetRun, trail: Trail) -> Result:
    """Blocks for a minute or two; repeatable after any cut. What is in the way leaves as checks, not as exceptions."""
    if run.target is None or run.server is None:
        raise NeedsUser("deploy_nothing_left")
    require_wanted(run)
    checks: list[Check] = []
    try:
        _rehearse(run, trail, run.target, run.server, checks)
    except ExpectedError as error:
        # Kept out altogether, or cut off half-way; then the look that was cut has said so.
        if not any(check.error is error for check in checks):
            checks = [check for check in checks if check.key != "login"] + [Check("login", error=error)]
    return ended(checks)


def ended(checks: list[Check]) -> Result:
    error = next((check.error for check in checks if check.error), None)
    is_out = any(check.error and check.key in ("login", "panel") for check in checks)
    state = State.FAILED if is_out else State.PARTIAL if error else State.SUCCEEDED
    return Result(state, error=error, checks=checks)


def _rehearse(run: TargetRun, trail: Trail, target: Target, server: Server, checks: list[Check]) -> None:
    with opened(run, trail, server, must_be_trusted=True) as connection:
        problems: list[ExpectedError] = []
        has_shell = check_shell(trail, connection, target, problems)
        checks.append(Check("login", f"as {server.username}", error=next(iter(problems), None)))
        with remote_files(connection) as plain:
            job = Rehearsal(run, trail, target, server, connection, plain, has_shell, checks)
            for key, act in LOOKS.items():
                _look(job, key, act)


def _look(job: Rehearsal, key: str, act: Callable[[Rehearsal], str]) -> None:
    """Go on after a problem: a person mends all of them in one go. A cut connection ends it."""
    try:
        found = act(job)
    except ExpectedError as error:
        job.checks.append(Check("sudo" if error.code in OF_SUDO else key, error=error))
        if not job.connection.transport.is_active():
            raise
        return
    if not any(check.key == key and check.error for check in job.checks):  # What another look was refused stands.
        job.checks.append(Check(key, found))


def _look_at_token(job: Rehearsal) -> str:
    """The first server alone answers the CA."""
    renewal = Renewal.unscoped.filter(domain=job.run.domain_id).select_related("domain", "workspace").first()
    first = first_target(job.run.domain)
    if renewal is None or wish_of(renewal).solver != OVER_SSH or first is None or first.pk != job.target.pk:
        return "not needed: the CA asks nothing here"
    if not http01_of(first).is_chosen:
        return "not tried: neither a webroot nor the standalone listener is chosen"
    return ask_for_token(job.run, job.trail, job.target, job.connection, renewal.names)


def _look_at_directories(job: Rehearsal) -> str:
    if job.target.use_sudo and job.target.certificate_directories:
        check_install(job.trail, job.connection, job.plain, job.target)
        return "root's, and sudo allows what is needed"
    for directory in job.target.certificate_directories:
        check_directory(job.trail, job.connection, job.plain, directory, job.has_shell)
    found = ", ".join(job.target.certificate_directories)
    return found if job.has_shell else f"{found}; whether they can be written was not tried: it takes a shell"


def _look_at_sudo(job: Rehearsal) -> str:
    lines = job.target.reload_commands
    if not lines:
        return "not needed: there are no commands"
    if not job.has_shell:
        return "not tried: the account runs no commands"
    hidden = unseal.secrets_of(job.server)
    for line in lines:
        check_sudo(job.trail, job.connection, line, hidden)
    return told_of_sudo(lines)


def told_of_sudo(lines: Sequence[str]) -> str:
    """What sudo's consent to all plain calls among `lines` is worth: of the others nobody could ask it."""
    unasked = [line for line in lines if _NAMES_SUDO.search(line) and not sudoers.wanted_program(line)]
    if not unasked:
        return "it allows every command that needs it"
    return f"it could not be asked about {_quoted(unasked)}: only a plain “sudo -n …” can be judged beforehand"


def _quoted(lines: Sequence[str]) -> str:
    return ", ".join(f"“{line}”" for line in lines)


def _look_at_configuration(job: Rehearsal) -> str:
    """The commands that only test, never one that reloads."""
    tests = [line for line in job.target.reload_commands if is_test(line)]
    if not tests:
        return "none of the reload commands is a plain test"
    if not job.has_shell:
        return "not tried: the account runs no commands"
    for line in tests:
        _run_test(job, line)
    return f"successful: {_quoted(tests)}"


def _run_test(job: Rehearsal, line: str) -> None:
    with job.trail.step(line, seconds=LONGEST_SECONDS) as note:
        ran = run_line(job.connection, line, unseal.secrets_of(job.server))
        note.detail, note.data = ran.summary(), ran.as_json()
        if not ran.outcome.is_ok:
            if _was_disturbed(job.run):
                raise Transient("rehearsal_disturbed", host=job.server.label)
            why = explain(job.connection, ran)
            raise why if why.code in OF_SUDO else NeedsUser("rehearsal_test_failed", **why.params)


def _was_disturbed(run: TargetRun) -> bool:
    """Somebody else was at work on the server meanwhile: half of a set of files fails any test."""
    if Server.unscoped.filter(Q(pk=run.server_id), lease_until__gte=Now()).exists():
        return True
    others = TargetRun.unscoped.filter(server=run.server_id, started_at__isnull=False)
    others = others.filter(kind__in=(Kind.DEPLOY, Kind.UNDO, Kind.FIX_REDIRECT))
    return others.filter(Q(ended_at=None) | Q(ended_at__gte=run.started_at)).exists()


def _look_at_disk(job: Rehearsal) -> str:
    with job.trail.step("Look for room on the disk", seconds=_SECONDS * 3) as note:
        least: int | None = None
        for directory in job.target.certificate_directories:
            with job.connection.within(_SECONDS, "look at the disk"):
                room = job.plain.room(nearest_directory(job.plain, directory))
            if room is not None and room < LEAST_ROOM:
                known = {"host": job.connection.host, "username": job.connection.username}
                raise NeedsUser("disk_full", path=directory, directory=directory, **known)
            least = room if least is None else min(least, room or least)
        note.detail = "the server does not say" if least is None else f"{least // LEAST_ROOM} MiB are free"
    return note.detail


LOOKS: Mapping[str, Callable[[Rehearsal], str]] = {
    "token": _look_at_token,
    "directory": _look_at_directories,
    "sudo": _look_at_sudo,
    "configuration": _look_at_configuration,
    "disk": _look_at_disk,
}
