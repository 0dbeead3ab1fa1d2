"""What a run costs, and runs that wait until the balance is enough."""

import uuid
from datetime import timedelta
from functools import partial

from billing.charging import gate, held_since, release_stale, settle, too_low
from billing.ledger import replenished
from billing.models import Work
from config.lib import clock, jobs
from config.lib.errors import ExpectedError
from deploy.models import TargetRun
from deploy.reconcile import KIND
from deploy.result import Result
from domains.findings import close_finding, open_finding

UNPAID = "balance_too_low"
SOURCE = "billing"
# Whoever adds funds wakes the run; this is for those that were missed.
ASKED_AGAIN = timedelta(hours=1)
# What is served ends so soon that a site would go down for some cents: within three days, or a tenth of its life.
LATE_DAYS = timedelta(days=3)
HOLD_AT_LEAST = timedelta(hours=2)

State = TargetRun.State


def require_paid(run: TargetRun) -> None:
    """Set the price aside, once. Raises NeedsUser `balance_too_low`. What is half-done is always completed."""
    if run.target is not None and run.target.journal is not None:
        return
    answer = gate(run, Work.SSH, is_late=_is_late(run))
    if not answer.is_open:
        raise too_low(answer.missing_cents)
    if run.error_code == UNPAID:
        close_finding(domain=run.domain, source=SOURCE, code=UNPAID)


def _is_late(run: TargetRun) -> bool:
    """Whether what the domain serves ends so soon, and the new certificate does not."""
    visit = getattr(run.domain, "visit", None)
    if visit is None or visit.not_after is None or run.certificate is None:
        return False
    life = visit.not_after - (visit.not_before or visit.not_after - timedelta(days=90))
    is_late: bool = run.certificate.not_after > visit.not_after < clock.now() + min(LATE_DAYS, life / 10)
    return is_late


def wait_for_balance(run: TargetRun, error: ExpectedError) -> None:
    """The run stays open and says why; the deployment goes on as soon as there is enough."""
    is_ours = run.finish(
        state=State.WAITING,
        started_at=None,
        run_after=clock.now() + ASKED_AGAIN,
        priority=run.priority,
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=partial(_say_so, run, error),
    )
    if is_ours:
        jobs.ring(KIND)


def _say_so(run: TargetRun, error: ExpectedError) -> None:
    params = jobs.storable(error.params)
    open_finding(domain=run.domain, source=SOURCE, code=error.code, params=params, severity="warning", needs_user=True)


def wake_unpaid(workspace_id: uuid.UUID) -> None:
    """There is enough again. Inside the transaction of the payment; cheap, repeatable."""
    rows = TargetRun.objects.for_workspace(workspace_id).filter(state=State.WAITING, error_code=UNPAID)
    if rows.filter(lease_token__isnull=True).update(run_after=clock.now()):
        jobs.ring(KIND)


replenished.add("deploy", wake_unpaid)


def settle_payment(run: TargetRun, result: Result) -> None:
    """Taken where the certificate is in place and fine, given back otherwise. Inside the end of the run."""
    settle(run, did_its_work=result.state == State.SUCCEEDED)


def release_stale_holds() -> bool:
    """A chore: money that was set aside for runs which ended without settling, or are gone. A bounded piece."""
    held = held_since(HOLD_AT_LEAST)
    rows = TargetRun.unscoped.filter(pk__in=[charge.run_id for charge in held], state__in=TargetRun.OPEN_STATES)
    open_runs = set(rows.values_list("pk", flat=True))
    for charge in held:
        if charge.run_id not in open_runs:
            release_stale(charge.pk)
    return False
