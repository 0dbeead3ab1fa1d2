"""Deploy runs of one claim: one connection to their server, the files of each, and the reload once for all of them.

Runs that are due together on one server and have the same reload commands go together: fifty certificates that renew
at once reload their daemon once. Each keeps its own row, steps, journal and end; one that fails stops no other.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack

from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Transient
from deploy import journal as journals
from deploy import unseal
from deploy.deploying import Placed, Ready, check, conclude, place, reload_all, restore_set, went_back
from deploy.journal import Journal
from deploy.models import TargetRun
from deploy.placing import files_of
from deploy.reconcile import KIND
from deploy.replacing import announce_return
from deploy.result import Result
from deploy.session import opened
from deploy.ssh.connect import Connection
from deploy.ssh.files import RemoteFiles, remote_files
from deploy.trail import Note, Trail, keep_on_run
from deploy.work import Work

MOST = 100
RELOADS_CUT = 2

type End = tuple[TargetRun, Result | ExpectedError]


def join(first: TargetRun) -> list[TargetRun]:
    """Take the other deploy runs that are due on the server of `first` and end with the same commands.

    One that was claimed before and got no farther goes alone, as in every queue; what is half-done goes along all the
    same: the reload must not bring half of its set into use.
    """
    if first.kind != TargetRun.Kind.DEPLOY or first.target is None:
        return []
    rows = TargetRun.unscoped.filter(server=first.server_id, kind=first.kind, state__in=TargetRun.OPEN_STATES)
    rows = rows.exclude(pk=first.pk).order_by("priority", "run_after")
    commands, is_alone = first.target.reload_commands, first.claims > 1
    found = rows.values_list("pk", "claims", "target__journal", "target__reload_commands")
    keys = [pk for pk, claims, half, lines in found if lines == commands and (half or not (claims or is_alone))]
    return jobs.claim_beside(jobs.kinds.get(KIND), first, keys[:MOST]) if keys else []


def begin(run: TargetRun) -> None:
    """Show that it is being worked, and what a killed worker left open as interrupted. Raises jobs.LeaseLost."""
    Trail(run).close_interrupted()
    keep_on_run(run, state=TargetRun.State.RUNNING, started_at=run.started_at or clock.now())


def deploy_together(runs: Sequence[TargetRun]) -> Iterator[End]:
    """Bring each run's certificate onto its target and prove it; each run with how it ends, as soon as that is known.

    Blocks for minutes; repeatable after any cut. Runs that have become due meanwhile are taken along.
    """
    ready = yield from _check_all(runs)
    if ready:
        yield from _on_server(ready)


def _check_all(runs: Sequence[TargetRun]) -> Generator[End, None, list[Ready]]:
    """Those that nothing forbids."""
    ready: list[Ready] = []
    for run in runs:
        trail = Trail(run, beside=[one.pk for one in runs if one.pk != run.pk])
        try:
            ready.append(check(run, trail))
        except ExpectedError as error:
            yield run, error
    return ready


def _on_server(ready: Sequence[Ready]) -> Iterator[End]:
    with ExitStack() as stack:
        try:
            connection, plain = _connect(stack, ready)
        except ExpectedError as error:
            yield from ((one.run, error) for one in ready)
            return
        crash_here("deploy.connected")
        placed = yield from _place_all(ready, connection, plain)
        if placed:
            late = yield from _join_late(ready, connection)
            placed += yield from _place_all(late, connection, plain)
        for same in _by_commands(placed):
            yield from _reload_and_prove(same)


def _place_all(
    ready: Sequence[Ready], connection: Connection, plain: RemoteFiles
) -> Generator[End, None, list[tuple[Work, Placed]]]:
    """Those whose daemon has to be told."""
    placed: list[tuple[Work, Placed]] = []
    for one in ready:
        try:
            work = _work(one, connection, plain)
            outcome = place(work)
        except ExpectedError as error:
            yield one.run, error
            continue
        if isinstance(outcome, Placed):
            placed.append((work, outcome))
        else:
            yield one.run, outcome
    return placed


def _join_late(ready: Sequence[Ready], connection: Connection) -> Generator[End, None, list[Ready]]:
    """Just before the reload, once: other workers had claimed some before this one held the server, and let go."""
    runs = join(ready[0].run)
    for run in runs:
        begin(run)
    late = yield from _check_all(runs)
    keys = [one.run.pk for one in (*ready, *late)]
    for one in (*ready, *late):
        one.trail.beside = [key for key in keys if key != one.run.pk]
    _show_connection(late, connection, len(keys))
    return late


def _show_connection(others: Sequence[Ready], connection: Connection, count: int) -> None:
    """What was done once for all, in the trail of those that went along."""
    for one in others:
        one.trail.repeat(_connecting_to(one), Note(f"once for {count} domains"))
        keep_on_run(one.run, host_key_fingerprint=connection.host_key_fingerprint)


def _connecting_to(one: Ready) -> str:
    return f"Connect to {one.server.host} port {one.server.port}"


def _by_commands(placed: Sequence[tuple[Work, Placed]]) -> Iterable[Sequence[tuple[Work, Placed]]]:
    """One group in all, unless a target was saved with other commands after its run was taken along."""
    groups: dict[tuple[str, ...], list[tuple[Work, Placed]]] = {}
    for work, one in placed:
        groups.setdefault(tuple(work.target.reload_commands), []).append((work, one))
    return groups.values()


def _connect(stack: ExitStack, ready: Sequence[Ready]) -> tuple[Connection, RemoteFiles]:
    """Once, as a step of the first; the others show that they went along. Raises ExpectedError."""
    first, others = ready[0], ready[1:]
    try:
        connection = stack.enter_context(opened(first.run, first.trail, first.server, must_be_trusted=True))
        plain = stack.enter_context(remote_files(connection))
    except ExpectedError as error:
        for one in others:
            one.trail.repeat(_connecting_to(one), Note(f"once for {len(ready)} domains"), error)
        raise
    _show_connection(others, connection, len(ready))
    return connection, plain


def _work(one: Ready, connection: Connection, plain: RemoteFiles) -> Work:
    hidden = [*unseal.secrets_of(one.server), *unseal.secrets_among(one.wanted)]
    files = files_of(one.trail, one.target, connection, plain)
    return Work(one.run, one.trail, one.target, one.server, one.certificate, connection, files, one.wanted, hidden)


def _reload_and_prove(placed: Sequence[tuple[Work, Placed]]) -> Iterator[End]:
    try:
        failure = reload_all([work for work, _ in placed])
    except Transient as error:
        for work, one in placed:
            # Where the line is cut again and again, the next attempt puts the old files back.
            if one.entry and work.run.attempts >= RELOADS_CUT:
                announce_return(work, one.entry, error)
            yield work.run, error
        return
    if failure and len(placed) > 1:
        yield from _one_by_one(placed, failure)
        return
    for work, one in placed:
        yield work.run, _concluded(work, one, failure)


def _concluded(work: Work, placed: Placed, failure: ExpectedError | None) -> Result | ExpectedError:
    try:
        return conclude(work, placed, failure)
    except ExpectedError as error:
        return error


def _one_by_one(placed: Sequence[tuple[Work, Placed]], failure: ExpectedError) -> Iterator[End]:
    """The reload of all together failed: put all back, and find out whose files it was.

    Where it fails with the old files as well it was nobody's: each run then ends with the failure.
    """
    back: list[tuple[Work, Journal]] = []
    for work, one in placed:
        outcome = _put_back(work, one, failure)
        if isinstance(outcome, Journal):
            back.append((work, outcome))
        else:
            yield work.run, outcome
    if not back:
        return
    try:
        is_nobodys = reload_all([work for work, _ in back]) is not None
    except ExpectedError as error:
        yield from ((work.run, error) for work, _ in back)
        return
    for work, entry in back:
        yield work.run, _ended_back(work, entry) if is_nobodys else _alone(work)


def _put_back(work: Work, placed: Placed, failure: ExpectedError) -> Journal | Result | ExpectedError:
    """What was announced, once the old set lies there again; else how the run ends."""
    if placed.entry is None:
        return _concluded(work, placed, failure)
    try:
        entry = announce_return(work, placed.entry, failure)
        return restore_set(work, entry) or entry
    except ExpectedError as error:
        return error


def _ended_back(work: Work, entry: Journal) -> Result | ExpectedError:
    try:
        return went_back(work, entry)
    except ExpectedError as error:
        return error


def _alone(work: Work) -> Result | ExpectedError:
    """The whole way once more for one run, whose files are as before and reloaded."""
    try:
        journals.write(work.run, work.target, None)
        outcome = place(work)
        return conclude(work, outcome, reload_all([work])) if isinstance(outcome, Placed) else outcome
    except ExpectedError as error:
        return error
