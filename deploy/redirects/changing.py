"""The configuration file exchanged, tested, put into use, and put back byte for byte."""

import time
from dataclasses import replace

from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Transient
from deploy.http01.solver import longest_looks
from deploy.proof import LOOKS_IN_A_ROW
from deploy.redirects import rights, standing
from deploy.redirects.looking import AROUND_A_LOOK, PAUSE, Change, Job, Plan, ask_for_token, sha256
from deploy.redirects.standing import Changed, Standing
from deploy.reload import LONGEST_SECONDS, explain, run_line
from deploy.ssh.files import RemoteFiles

PUT_BACK = "Put the configuration back as it was"
_FILE_SECONDS = 120
# A reload returns before the new workers answer, and for a moment old ones answer beside them.
_LOOKS = 8


def change(job: Job, files: RemoteFiles, plan: Plan) -> None:
    """Back up, write, test, reload, prove. On any failure the files are as they were, and that failure is raised.

    A Transient leaves them half-done and noted: the run comes back and mends them.
    """
    note_phase(job, plan.standing)
    crash_here("fix.noted")
    try:
        for one in plan.changes:
            _back_up(job, files, one)
        for one in plan.changes:
            with job.trail.step(f"Change {one.known.file}", seconds=_FILE_SECONDS):
                exchange(files, one.known, one.after)
            crash_here("fix.changed")
        put_into_use(job, plan.standing)
        crash_here("fix.reloaded")
        _prove(job)
    except Transient:
        raise
    except ExpectedError:
        put_back(job, files, plan.standing)
        raise
    crash_here("fix.proven")
    note_phase(job, standing.in_place(plan.standing))


def note_phase(job: Job, value: Standing | None) -> None:
    standing.write(job.run, job.target, value)


def _back_up(job: Job, files: RemoteFiles, one: Change) -> None:
    backup = one.known.backup
    with job.trail.step(f"Back up {one.known.file}", seconds=_FILE_SECONDS) as note:
        files.make_directories(backup.rpartition("/")[0])
        files.remove(backup)  # Of a try in the same second, which was cut.
        files.write_new(backup, one.before, one.known.mode)
        note.detail = f"as {backup}"
    crash_here("fix.backed_up")


def exchange(files: RemoteFiles, known: Changed, content: bytes) -> None:
    """Put `content` in the file's place in one step, with its mode and owner. Repeatable."""
    new = rights.staged(known.file)
    tidy_up(files, known)
    files.make_directory(rights.stage_of(known.file), 0o700)
    files.write_new(new, content, known.mode)
    if known.owner and files.owner_of(new) != known.owner:
        files.set_owner(new, known.owner)
    crash_here("fix.staged")
    files.rename(new, known.file)
    tidy_up(files, known)


def tidy_up(files: RemoteFiles, known: Changed) -> None:
    """Remove what an exchange leaves beside the file. Repeatable."""
    stage = rights.stage_of(known.file)
    if files.entry(stage):
        files.remove(rights.staged(known.file))
        files.remove_directory(stage)


def test_configuration(job: Job, known: Standing) -> None:
    """Before anything is changed: what fails now would be put down to us. Raises NeedsUser redirect_broken_before."""
    line = known.commands[0]
    with job.trail.step(line, seconds=LONGEST_SECONDS) as note:
        ran = run_line(job.connection, line, job.hidden)
        note.detail, note.data = ran.summary(), ran.as_json()
        if not ran.outcome.is_ok:
            why = explain(job.connection, ran)
            raise why if why.code == "sudo_needs_rule" else NeedsUser("redirect_broken_before", **why.params)


def put_into_use(job: Job, known: Standing) -> None:
    """Test the configuration, then reload. Raises what a reload command's failure means."""
    for line in known.commands:
        with job.trail.step(line, seconds=LONGEST_SECONDS) as note:
            ran = run_line(job.connection, line, job.hidden)
            note.detail, note.data = ran.summary(), ran.as_json()
            if not ran.outcome.is_ok:
                raise explain(job.connection, ran)


def _prove(job: Job) -> None:
    seconds = _LOOKS * (longest_looks(len(job.names)) + AROUND_A_LOOK)
    with job.trail.step(f"Ask for a token at {job.places} again", seconds=seconds) as note:
        problem, in_a_row = None, 0
        for _ in range(_LOOKS):
            problem = next(iter(ask_for_token(job).values()), None)
            in_a_row = 0 if problem else in_a_row + 1
            if in_a_row == LOOKS_IN_A_ROW:
                break
            time.sleep(PAUSE)
        if problem:
            raise NeedsUser(problem.code, **problem.params)
        note.detail = "it is served: a CA would accept it"


def put_back(job: Job, files: RemoteFiles, known: Standing) -> bool:
    """The files as they were before, in use again; whether all were ours to put back. Forgets the change. Repeatable.

    A file that somebody has edited meanwhile stays as it is. Raises NeedsUser redirect_backup_gone and what testing
    and reloading raise.
    """
    note_phase(job, replace(known, phase="putting_back"))
    crash_here("fix.putting_back")
    with job.trail.step(PUT_BACK, seconds=_FILE_SECONDS) as note:
        told = [_put_one_back(job, files, one) for one in known.files]
        note.detail = "; ".join(words for words, _ in told)
    crash_here("fix.put_back")
    put_into_use(job, known)
    note_phase(job, standing.put_back(known))
    return all(is_ours for _, is_ours in told)


def _put_one_back(job: Job, files: RemoteFiles, known: Changed) -> tuple[str, bool]:
    """(what came of it, whether it was ours)."""
    tidy_up(files, known)
    now = sha256(files.read(known.file) or b"")
    if now == known.after:
        exchange(files, known, _kept(job, files, known))
        return f"{known.file}, from {known.backup}", True
    if now == known.before:
        return f"{known.file} is as it was", True
    return f"{known.file} was edited meanwhile and stays", False


def _kept(job: Job, files: RemoteFiles, known: Changed) -> bytes:
    content = files.read(known.backup)
    if content is None or sha256(content) != known.before:
        raise NeedsUser("redirect_backup_gone", backup=known.backup, file=known.file, host=job.server.label)
    return content
