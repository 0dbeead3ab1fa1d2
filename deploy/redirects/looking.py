"""Whether the challenge path is served over HTTP, and what would have to change in which file."""

import hashlib
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from certificates.models import Renewal
from certificates.renewal.sweep import wish_of
from certificates.solvers import OVER_SSH
from config.lib import clock
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser
from config.lib.side_by_side import side_by_side
from deploy import unseal
from deploy.daemons import DAEMONS
from deploy.detection.running import list_processes, of_processes
from deploy.detection.sites import Running
from deploy.detection.suggesting import commands_for
from deploy.http01.answering import Http01
from deploy.http01.probe import Asked, look_for
from deploy.http01.solver import LOOKS_AT_ONCE, TRIED_FOR, longest_looks, note_answer, put_answer, remove_or_leave
from deploy.redirects import apache, nginx, rights, standing
from deploy.redirects.standing import Changed, Standing
from deploy.redirects.vhost import ExactReader, Vhost, unified_diff, with_block
from deploy.session import SignedIn
from deploy.ssh.files import MAX_READ

_SECONDS = 15
_READING_SECONDS = 60
# Putting the token there and taking it away.
AROUND_A_LOOK = 30
PAUSE = 0.5

FINDERS: Mapping[str, Callable[[ExactReader, str, Sequence[str], int], Mapping[str, Vhost]]] = {
    "nginx": nginx.find_vhosts,
    "Apache": apache.find_vhosts,
}
# What a change of the configuration cures; an unreachable port or a wrong address it does not.
CURABLE = (
    *("http01_redirected", "http01_not_found", "http01_forbidden", "http01_wrong_body"),
    *("http01_server_error", "http01_status"),
)


class Job(SignedIn):
    """A look at what a server answers, or a change of it."""

    @property
    def host(self) -> str:
        return self.run.domain.host

    @cached_property
    def names(self) -> list[str]:
        """All that the next renewal proves over HTTP, the domain's own first."""
        renewal = Renewal.unscoped.filter(domain=self.run.domain_id).select_related("domain", "workspace").first()
        names = renewal.names if renewal and wish_of(renewal).solver == OVER_SSH else []
        return list(dict.fromkeys([self.host, *names]))

    @property
    def places(self) -> str:
        """In words."""
        more = len(self.names) - 1
        return f"http://{self.host}/" + (f" and at {more} other name{'s' * (more > 1)}" if more else "")

    @property
    def hidden(self) -> list[str]:
        return unseal.secrets_of(self.server)


@dataclass(frozen=True)
class Change:
    """One file as it will be noted, with its content before and after."""

    known: Changed
    before: bytes
    after: bytes


@dataclass(frozen=True)
class Plan:
    """`standing` as it will be noted; no `changes` where our lines stand there already."""

    standing: Standing
    changes: Sequence[Change]

    @property
    def diff(self) -> str:
        return "\n".join(unified_diff(one.known.file, one.before, one.after) for one in self.changes)


def ask_for_token(job: Job) -> dict[str, ExpectedError]:
    """Put a token into the webroot, ask for it as a CA does, take it away. What a CA would stumble over, by name.

    Raises what the webroot raises.
    """
    token = secrets.token_urlsafe(24)
    content = f"{token}.{secrets.token_urlsafe(24)}"
    chosen = Http01(job.target.webroot)
    answer = note_answer(job.target, chosen, [token], left_for=TRIED_FOR)
    try:
        put_answer(job.connection, answer, chosen, {token: content})
        crash_here("fix.asked")
        asked = [Asked(name, token, content, chosen.webroot) for name in job.names]
        found = side_by_side(look_for, asked, at_once=LOOKS_AT_ONCE)
        return {name: problem for name, problem in zip(job.names, found, strict=True) if problem}
    finally:
        remove_or_leave(job.connection, answer)


def judge(job: Job) -> dict[str, ExpectedError]:
    """The same as a step. Raises what no configuration of a web server is the cause of."""
    seconds = 2 * (longest_looks(len(job.names)) + AROUND_A_LOOK)
    with job.trail.step(f"Ask for a token at {job.places}", seconds=seconds) as note:
        problems = ask_for_token(job)
        if not problems:
            # Right after a reload a worker of before may have answered.
            time.sleep(PAUSE)
            problems = ask_for_token(job)
        for problem in problems.values():
            if problem.code not in CURABLE:
                raise problem
        note.detail = _in_words(problems)
    return problems


def _in_words(problems: Mapping[str, ExpectedError]) -> str:
    told = [f"{name}: {problem.params.get('underlying', problem.code)}" for name, problem in problems.items()]
    return f"it is not served at {'; '.join(told)}"[:500] if told else "it is served: a CA would accept it"


def make_plan(job: Job, wanted: Collection[str]) -> Plan:
    """For the names `wanted`, in all files that they need.

    Raises NeedsUser redirect_needs_shell, redirect_no_server, redirect_no_vhost, redirect_own_location, …
    """
    with job.trail.step("Find the web server", seconds=_SECONDS * 3) as note:
        running = _web_servers(job)
        note.detail = ", ".join(f"{one.daemon} as {one.user}, {one.configuration}" for one in running)
    with job.trail.step(f"Find what answers {job.places}", seconds=_READING_SECONDS * 2) as note:
        with job.connection.within(_READING_SECONDS, "read the configuration"):
            plan = _plan_among(job, running, wanted)
        note.detail = ", ".join([plan.standing.daemon, *plan.standing.paths])
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


def _plan_among(job: Job, running: list[Running], wanted: Collection[str]) -> Plan:
    denied: list[str] = []
    for one in running:
        reader = ExactReader(job.plain, job.names)
        found = FINDERS[one.daemon](reader, one.configuration, job.names, settings.ACME_HTTP01_PORT)
        denied += reader.denied
        if found:
            daemon = next(known for known in DAEMONS if known.name == one.daemon)
            changes = [change for change in _changes(job, reader, found, wanted) if change.after != change.before]
            commands = commands_for(daemon, one, job.server.username)
            files = [change.known for change in changes]
            earlier = standing.read(job.target)
            known = Standing("changing", one.daemon, files, commands, list(wanted), earlier.files if earlier else ())
            return Plan(known, changes)
    unread = f" {job.server.username} may not read: {', '.join(denied[:5])}." if denied else ""
    raise NeedsUser("redirect_no_vhost", host=job.host, server=job.server.label, unread=unread)


def _changes(job: Job, reader: ExactReader, found: Mapping[str, Vhost], wanted: Collection[str]) -> Iterator[Change]:
    """One for each file in which something answers a name of `wanted`."""
    by_file: dict[str, dict[int, tuple[str, Vhost]]] = {}
    # Names that one virtual host answers need its lines once; where our lines stood they are put again.
    for name in sorted(found, key=lambda name: not reader.has_block(found[name].file, name)):
        vhost = found[name]
        if name in wanted or reader.has_block(vhost.file, name):
            by_file.setdefault(vhost.file, {}).setdefault(vhost.opens, (name, vhost))
    backups: set[str] = set()
    for file, places in by_file.items():
        if any(found[name].file == file for name in wanted if name in found):
            yield _change(job, reader, file, places, backups)


def _change(
    job: Job, reader: ExactReader, path: str, places: Mapping[int, tuple[str, Vhost]], backups: set[str]
) -> Change:
    """`places` by where they open. `backups` are the names that are taken, and grows."""
    file = job.plain.resolved(path)
    before = reader.found[path]
    entry = job.plain.entry(file)
    if entry is None or entry.kind != "file" or len(before) >= MAX_READ:
        raise NeedsUser("redirect_odd_file", file=file, host=job.server.label)
    text = reader.text_again(path)
    # From the end, so that the offsets of the others stay true.
    for opens in sorted(places, reverse=True):
        name, vhost = places[opens]
        if vhost.is_taken:
            raise NeedsUser("redirect_own_location", file=file, host=name)
        text = with_block(text, name, opens, vhost.block(job.target.webroot))
    after = text.encode(errors="surrogateescape")
    backup, owner = _backup_of(job, file, backups), job.plain.owner_of(file)
    return Change(Changed(file, backup, entry.mode, owner, sha256(before), sha256(after)), before, after)


def _backup_of(job: Job, file: str, taken: set[str]) -> str:
    """Files of several folders may have one name."""
    name = file.rpartition("/")[2]
    while name in taken:
        name += "-"
    taken.add(name)
    return f"{rights.backups_of(job.target, job.plain)}/{name}.mmc-backup-{clock.now().strftime(rights.STAMP)}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
