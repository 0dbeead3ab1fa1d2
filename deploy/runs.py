"""The worker's side of every run: take the server, do the kind's work, store how it ended."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models import Q

from auditlog.events import record
from billing.charging import UNPAID
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Transient
from config.lib.prepared import change
from deploy import server_lease
from deploy.checking import check_target
from deploy.detection.looking import detect_on_target
from deploy.models import Target, TargetRun
from deploy.panels.installing import PENDING, install_on_panel
from deploy.panels.keeping import keep_on_panel, record_try
from deploy.panels.trying import try_panel
from deploy.paying import settle_payment, wait_for_balance
from deploy.readiness.at_panel import rehearse_at_panel
from deploy.readiness.keeping import keep_rehearsal
from deploy.readiness.on_target import rehearse_on_target
from deploy.reconcile import KIND, place_of, plan_retry, reconcile_target
from deploy.redirects.fixing import fix_redirect
from deploy.redirects.standing import HALF_WAY
from deploy.redirects.telling import tell_of_fix
from deploy.result import SUPERSEDED, Result
from deploy.settling import lock_domain, settle_deployment, settle_domain
from deploy.together import begin, deploy_together, join
from deploy.trail import Trail
from deploy.undoing import keep_undone, undo_on_target, what_is_kept

BUSY_PAUSE = timedelta(seconds=2)
# A run that was cut while files were half-way is not over: it comes back soon, this many times.
MAX_REPAIRS = 10

State, Outcome = TargetRun.State, TargetRun.Outcome

# What is worked alone; deployments go together with others of their server.
ALONE: Mapping[str, Callable[[TargetRun, Trail], Result]] = {
    TargetRun.Kind.TEST: check_target,
    TargetRun.Kind.DETECT: detect_on_target,
    TargetRun.Kind.UNDO: undo_on_target,
    TargetRun.Kind.FIX_REDIRECT: fix_redirect,
    TargetRun.Kind.REHEARSE: rehearse_on_target,
}
AT_PANELS: Mapping[str, Callable[[TargetRun, Trail], Result]] = {
    TargetRun.Kind.TEST: try_panel,
    TargetRun.Kind.DEPLOY: install_on_panel,
    TargetRun.Kind.REHEARSE: rehearse_at_panel,
}

# What only looks, with the event that tells of it.
LOOKS: Mapping[str, str] = {TargetRun.Kind.TEST: "target.tested", TargetRun.Kind.DETECT: "target.detected"}


def work_runs(claimed: Sequence[TargetRun]) -> None:
    """Work claimed runs one after the other; the job kind's `work`."""
    for run in claimed:
        token = run.lease_token
        if not server_lease.has_one(run) or server_lease.take(run):
            try:
                _work(run)
            except jobs.LeaseLost:
                _let_go(run, token)
                raise
            server_lease.give_back(run, token)
            jobs.ring(KIND)
        else:
            run.finish(run_after=clock.now() + BUSY_PAUSE, priority=run.priority, attempts=run.attempts)
            jobs.ring(KIND, after=BUSY_PAUSE)


def _let_go(run: TargetRun, token: uuid.UUID | None) -> None:
    """One was taken from us, perhaps with its domain: the others of the claim need not wait until it runs out.

    They keep the count of their claims, so each goes alone then.
    """
    TargetRun.unscoped.filter(lease_token=token, lease_token__isnull=False).update(lease_token=None, lease_until=None)
    server_lease.give_back(run, token)
    jobs.ring(KIND)


def _work(first: TargetRun) -> None:
    crash_here("deploy.claimed")
    token = first.lease_token
    runs = [first, *join(first)]
    for run in runs:
        begin(run)
    ends = [(first, _worked_alone(first))] if first.kind in _alone(first) else deploy_together(runs)
    waiting = [(run, _end(run, end)) for run, end in ends]
    # Not before all have ended: the server is the claim's until then.
    for run, wait in waiting:
        if wait:
            server_lease.reserve(run, token, wait)


def _worked_alone(run: TargetRun) -> Result | ExpectedError:
    try:
        return _alone(run)[run.kind](run, Trail(run))
    except ExpectedError as error:
        return error


def _end(run: TargetRun, end: Result | ExpectedError) -> timedelta | None:
    """How long it waits for its next claim, where the server has to be kept for it meanwhile."""
    if isinstance(end, Result):
        end_run(run, end)
    elif end.code == UNPAID:
        wait_for_balance(run, end)
    elif isinstance(end, Transient) and _is_half_done(run, end) and run.attempts < MAX_REPAIRS:
        return _come_back(run, end)
    else:
        outcome = Outcome.FAILED if run.kind == TargetRun.Kind.DEPLOY else ""
        end_run(run, Result(State.FAILED, outcome, error=end))
    return None


def _alone(run: TargetRun) -> Mapping[str, Callable[[TargetRun, Trail], Result]]:
    return AT_PANELS if run.panel_target_id else ALONE


def _is_half_done(run: TargetRun, error: Transient) -> bool:
    """Between two sets of files, or handed to a panel that does not serve it yet."""
    if error.code == PENDING:
        return True
    half_done = Q(journal__isnull=False) | Q(redirect_fix__phase__in=HALF_WAY)
    return run.target is not None and bool(Target.unscoped.filter(half_done, Q(pk=run.target_id)).exists())


def _come_back(run: TargetRun, error: Transient) -> timedelta | None:
    """Leave the run open and claim it again soon: the server must not stay between two sets of files.

    Nobody else works there meanwhile: another run's reload would bring half of a set into use.
    """
    wait = timedelta(seconds=min(5 * 3**run.attempts, 900))
    is_ours = run.finish(
        run_after=clock.now() + wait,
        attempts=run.attempts + 1,
        priority=run.priority,
        error_code=error.code,
        error_params=jobs.storable(error.params),
    )
    if is_ours:
        jobs.ring(KIND, after=wait)
    return wait if is_ours and not run.panel_target_id else None  # A panel is nothing half-done to others.


def end_run(run: TargetRun, result: Result) -> None:
    """Store the end of a run with all that follows from it, in one transaction and only while it is ours."""
    crash_here("deploy.before_end")
    token = run.lease_token
    is_ours = run.finish(
        also=partial(_follow_up, run, result, token),
        state=result.state,
        outcome=result.outcome,
        error_code=result.error.code if result.error else "",
        error_params=jobs.storable(result.error.params) if result.error else {},
        files=list(result.files),
        commands=list(result.commands),
        sites=list(result.sites) or run.sites,
        served_fingerprint_sha256=result.served,
        ended_at=clock.now(),
    )
    if is_ours:
        crash_here("deploy.ended")


def _follow_up(run: TargetRun, result: Result, token: uuid.UUID | None) -> None:
    if run.deployment is not None:
        lock_domain(run.deployment)
    if run.kind in LOOKS:
        record_try(run, result) if run.panel_target_id else _record_look(run, result)
    elif run.kind == TargetRun.Kind.FIX_REDIRECT:
        tell_of_fix(run, result)
    elif run.kind == TargetRun.Kind.REHEARSE:
        keep_rehearsal(run, result)
    else:
        settle_payment(run, result)
    if run.kind == TargetRun.Kind.DEPLOY and run.place_id != run.pk and not _is_superseded(result):
        keep = keep_on_panel if run.panel_target_id else _keep_on_target
        keep(run, result, is_there=server_lease.is_held(run, token))
        plan_retry(run, result.error)
    if run.kind == TargetRun.Kind.UNDO:
        keep_undone(run, result)
        settle_domain(run.domain)
    elif run.deployment is not None:
        settle_deployment(run.deployment)


def _is_superseded(result: Result) -> bool:
    """A later deployment has been here: this one says nothing about the target any more."""
    return result.error is not None and result.error.code == SUPERSEDED


def _keep_on_target(run: TargetRun, result: Result, *, is_there: bool) -> None:
    """`is_there`: the run still has its server. One that moved meanwhile is not where the files were put."""
    row = place_of(run)
    if not isinstance(row, Target) or run.target is None:
        return
    used = run.target
    status = {State.SUCCEEDED: Target.Status.OK, State.PARTIAL: Target.Status.PARTIAL}.get(
        result.state, Target.Status.FAILED
    )
    changes: dict[str, Any] = {"last_status": status, "last_run_at": clock.now()}
    if is_there and result.outcome in (Outcome.SERVING, Outcome.INSTALLED):
        changes["previous"] = what_is_kept(run, result)
        if row.server_id == run.server_id and _places(row) == _places(used):
            changes["installed_certificate"] = run.certificate_id
    if is_there and result.is_clean:
        changes["journal"] = None
    changes["failures"] = 0 if result.state == State.SUCCEEDED else row.failures + 1
    change(Target, {"pk": run.target_id}, changes)
    if row.server_id != run.server_id or _settings(row) != _settings(used):
        _follow_settings(run)


def _places(target: Target) -> tuple[Any, ...]:
    """Where its files lie and whose they are: what is installed under other ones says nothing of these."""
    return (target.certificate_directories, target.names, target.owner)


def _settings(target: Target) -> tuple[Any, ...]:
    """All that a deployment goes by."""
    return (*_places(target), target.reload_commands, target.use_sudo, target.verify_ports)


def _follow_settings(run: TargetRun) -> None:
    """They were saved while the run was on its way, which was the reason to start no other one then."""
    place = place_of(run)
    if place is not None:
        reconcile_target(place)


def _record_look(run: TargetRun, result: Result) -> None:
    record(
        LOOKS[run.kind],
        workspace_id=run.workspace_id,
        domain_id=run.domain_id,
        domain_label=run.domain.label,
        run_id=run.pk,
        data={"server": run.label, "state": result.state, "code": result.error.code if result.error else ""},
    )


def give_up(run: TargetRun, error: ExpectedError) -> None:
    """End a run that cannot go on, for instance one that killed its worker again and again."""
    Trail(run).close_interrupted()
    outcome = Outcome.FAILED if run.kind == TargetRun.Kind.DEPLOY else ""
    end_run(run, Result(State.FAILED, outcome, error=error))
