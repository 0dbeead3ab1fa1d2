"""Whether the challenge path is served over HTTP, and what would have to change in which file."""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings

from config.lib import clock
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser
from deploy import unseal
from deploy.daemons import DAEMONS
from deploy.detection.running import list_processes, of_processes
from deploy.detection.sites import Running
from deploy.detection.suggesting import commands_for
from deploy.http01.answering import Http01
from deploy.http01.probe import Asked, look_for
from deploy.http01.solver import TRIED_FOR, note_answer, put_answer, remove_or_leave
from deploy.models import Server, Target, TargetRun
from deploy.redirects import apache, nginx, rights
from deploy.redirects.standing import Standing
from deploy.redirects.vhost import ExactReader, Vhost, unified_diff, with_block
from deploy.ssh.connect import Connection
from deploy.ssh.files import MAX_READ, RemoteFiles
from deploy.trail import Trail

_SECONDS = 15
_READING_SECONDS = 60
_PROBE_SECONDS = 60
PAUSE = 0.5

FINDERS: Mapping[str, Callable[[ExactReader, str, str, int], Vhost | None]] = {
    "nginx": nginx.find_vhost,
    "Apache": apache.find_vhost,
}
# What a change of the configuration cures; an unreachable port or a wrong address it does not.
CURABLE = (
    *("http01_redirected", "http01_not_found", "http01_forbidden", "http01_wrong_body"),
    *("http01_server_error", "http01_status"),
)


@dataclass
class Job:
    """A claimed run on its server: signed in, SFTP open."""

    run: TargetRun
    trail: Trail
    target: Target
    server: Server
    connection: Connection
    plain: RemoteFiles

    @property
    def host(self) -> str:
        return self.run.domain.host

    @property
    def hidden(self) -> list[str]:
        return unseal.secrets_of(self.server)


@dataclass(frozen=True)
class Plan:
    """`standing` as it will be noted, with the file's content before and after."""

    standing: Standing
    before: bytes
    after: bytes

    @property
    def diff(self) -> str:
        return unified_diff(self.standing.file, self.before, self.after)


def ask_for_token(job: Job) -> ExpectedError | None:
    """Put a token into the webroot, ask for it as a CA does, take it away. What a CA would stumble over, if anything.

    Raises what the webroot raises.
    """
    token = secrets.token_urlsafe(24)
    content = f"{token}.{secrets.token_urlsafe(24)}"
    chosen = Http01(job.target.webroot)
    answer = note_answer(job.target, chosen, [token], left_for=TRIED_FOR)
    try:
        put_answer(job.connection, answer, chosen, {token: content})
        crash_here("fix.asked")
        return look_for(Asked(job.host, token, content, chosen.webroot))
    finally:
        remove_or_leave(job.connection, answer)


def judge(job: Job) -> ExpectedError | None:
    """The same as a step. Raises it where no configuration of a web server is the cause."""
    with job.trail.step(f"Ask for a token at http://{job.host}/", seconds=_PROBE_SECONDS * 2) as note:
        problem = ask_for_token(job)
        if problem is None:
            # Right after a reload a worker of before may have answered.
            time.sleep(PAUSE)
            problem = ask_for_token(job)
        if problem is None:
            note.detail = "it is served: a CA would accept it"
        elif problem.code not in CURABLE:
            raise problem
        else:
            note.detail = f"it is not served: {problem.params.get('underlying', problem.code)}"[:500]
    return problem


def make_plan(job: Job) -> Plan:
    """Raises NeedsUser redirect_needs_shell, redirect_no_server, redirect_no_vhost, redirect_own_location, …"""
    with job.trail.step("Find the web server", seconds=_SECONDS * 3) as note:
        running = _web_servers(job)
        note.detail = ", ".join(f"{one.daemon} as {one.user}, {one.configuration}" for one in running)
    with job.trail.step(f"Find what answers http://{job.host}/", seconds=_READING_SECONDS * 2) as note:
        with job.connection.within(_READING_SECONDS, "read the configuration"):
            plan = _plan_among(job, running)
        note.detail = f"{plan.standing.daemon}, {plan.standing.file}"
    return plan


def _web_servers(job: Job) -> list[Running]:
    known = {"host": job.server.label, "username": job.server.username}
    try:
        outcome = list_processes(job.connection, job.hidden)
    except NeedsUser as error:
        if error.code != "ssh_no_shell":
            raise
        raise NeedsUser("redirect_needs_shell", **known) from error
    listed = of_processes(outcome.output, job.connection.username)
    found = [one for one in listed if one.daemon in FINDERS and one.configuration]
    if not found:
        raise NeedsUser("redirect_no_server", **known)
    return found


def _plan_among(job: Job, running: list[Running]) -> Plan:
    denied: list[str] = []
    for one in running:
        reader = ExactReader(job.plain, job.host)
        found = FINDERS[one.daemon](reader, one.configuration, job.host, settings.ACME_HTTP01_PORT)
        denied += reader.denied
        if found:
            return _plan(job, one, reader, found)
    unread = f" {job.server.username} may not read: {', '.join(denied[:5])}." if denied else ""
    raise NeedsUser("redirect_no_vhost", host=job.host, server=job.server.label, unread=unread)


def _plan(job: Job, running: Running, reader: ExactReader, found: Vhost) -> Plan:
    file = job.plain.resolved(found.file)
    before = reader.found[found.file]
    entry = job.plain.entry(file)
    if entry is None or entry.kind != "file" or len(before) >= MAX_READ:
        raise NeedsUser("redirect_odd_file", file=file, host=job.server.label)
    if found.is_taken:
        raise NeedsUser("redirect_own_location", file=file, host=job.host)
    text = reader.text(found.file)
    after = with_block(text, job.host, found.opens, found.block(job.target.webroot)).encode(errors="surrogateescape")
    backup = f"{rights.backups_of(job.target, job.plain)}/{file.rpartition('/')[2]}"
    daemon = next(one for one in DAEMONS if one.name == running.daemon)
    standing = Standing(
        phase="changing",
        daemon=running.daemon,
        file=file,
        backup=f"{backup}.mmc-backup-{clock.now().strftime(rights.STAMP)}",
        mode=entry.mode,
        owner=job.plain.owner_of(file),
        before=sha256(before),
        after=sha256(after),
        commands=commands_for(daemon, running, job.server.username),
    )
    return Plan(standing, before, after)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
