"""The worker's side of `Fix ACME redirect`: look, apply, undo. All repeatable after any cut."""

from collections.abc import Callable, Mapping, Sequence

from config.lib.errors import ExpectedError, NeedsUser
from deploy.models import RunStep, TargetRun
from deploy.redirects import rights, standing
from deploy.redirects.changing import PUT_BACK, change, put_back, test_configuration
from deploy.redirects.looking import Job, Plan, judge, make_plan, sha256
from deploy.redirects.standing import HALF_WAY, Standing
from deploy.result import Result
from deploy.session import opened
from deploy.ssh.files import remote_files
from deploy.trail import Trail

State, Deed = TargetRun.State, TargetRun.Deed
NOTHING = "Nothing to change"
WOULD_CHANGE = "What would change"


def fix_redirect(run: TargetRun, trail: Trail) -> Result:
    """What the run's deed says, after mending what a worker that died left half-done. Blocks for minutes."""
    if run.target is None or run.server is None:
        raise NeedsUser("deploy_nothing_left")
    target, server = run.target, run.server
    with opened(run, trail, server, must_be_trusted=True) as connection, remote_files(connection) as plain:
        job = Job(run, trail, target, server, connection, plain)
        mended = _mend(job)
        if mended and run.deed == Deed.UNDO and not mended.earlier:
            return Result(State.SUCCEEDED, files=mended.paths)
        if mended and run.deed == Deed.APPLY:
            return _apply_again(job, mended.names or [job.host])
        return _DEEDS[Deed(run.deed)](job)


def _mend(job: Job) -> Standing | None:
    left = standing.read(job.target)
    if left is None or left.phase not in HALF_WAY:
        return None
    files = rights.files_by_right(job.trail, job.target, job.connection, job.plain, left)
    put_back(job, files, left)
    return left


def _look(job: Job) -> Result:
    """Changes nothing, the token in the webroot aside."""
    plan, problem = _examine(job)
    if plan is None:
        return Result(State.SUCCEEDED)
    _show(job, plan)
    return Result(State.SUCCEEDED if problem is None else State.PARTIAL, error=problem)


def _apply(job: Job) -> Result:
    plan, _ = _examine(job)
    return Result(State.SUCCEEDED) if plan is None else _carry_out(job, plan)


def _apply_again(job: Job, names: Sequence[str]) -> Result:
    """After what was half-done is put back: that it was needed is known, and for a moment old workers say otherwise."""
    plan = make_plan(job, names)
    return _apply(job) if not plan.changes else _carry_out(job, plan)


def _carry_out(job: Job, plan: Plan) -> Result:
    files = rights.files_by_right(job.trail, job.target, job.connection, job.plain, plan.standing)
    test_configuration(job, plan.standing)
    change(job, files, plan)
    return Result(State.SUCCEEDED, files=plan.standing.paths)


def _undo(job: Job) -> Result:
    known = standing.read(job.target)
    if known is None and _is_put_back(job.run):
        return Result(State.SUCCEEDED)  # By a worker that died before it could say so.
    if known is None:
        raise NeedsUser("redirect_nothing_kept", host=job.server.label)
    for one in known.files:
        if sha256(job.plain.read(one.file) or b"") not in (one.after, one.before):
            raise NeedsUser("redirect_edited_since", file=one.file, backup=one.backup, host=job.server.label)
    files = rights.files_by_right(job.trail, job.target, job.connection, job.plain, known)
    put_back(job, files, known)
    return Result(State.SUCCEEDED, files=known.paths)


def _is_put_back(run: TargetRun) -> bool:
    return RunStep.unscoped.filter(run=run, name=PUT_BACK, state=RunStep.State.SUCCEEDED).exists()


_DEEDS: Mapping[TargetRun.Deed, Callable[[Job], Result]] = {Deed.LOOK: _look, Deed.APPLY: _apply, Deed.UNDO: _undo}


def _examine(job: Job) -> tuple[Plan | None, ExpectedError | None]:
    """The change that would help, and why it is needed; no plan where the token is served already.

    Raises the problem itself where our lines stand there and something else is in the way.
    """
    problems = judge(job)
    if not problems:
        with job.trail.step(NOTHING) as note:
            note.detail = "the challenge path is served as it is"
        return None, None
    plan, problem = make_plan(job, list(problems)), next(iter(problems.values()))
    if not plan.changes:
        raise NeedsUser(problem.code, **problem.params)
    return plan, problem


def _show(job: Job, plan: Plan) -> None:
    with job.trail.step(WOULD_CHANGE, seconds=60) as note:
        note.detail = ", ".join(plan.standing.paths)
        rule = rights.rule_of(job.connection, job.target, plan.standing)
        backups = ", ".join(one.known.backup for one in plan.changes)
        note.data = {"diff": plan.diff, "rule": rule, "backup": backups}
