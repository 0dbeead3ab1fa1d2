"""What a run costs, and runs that wait until the balance is enough."""

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial

from billing.charging import UNPAID, ends_soon, gate, require_balance, settle, too_low
from billing.ledger import replenished
from billing.models import Work
from billing.stale import at_work
from certificates.models import Certificate
from certificates.unpaid import tell_paid, tell_unpaid, waiting
from config.lib import clock, jobs
from config.lib.errors import ExpectedError
from deploy.models import Target, TargetRun
from deploy.reconcile import KIND, Place
from deploy.result import Result
from deploy.trail import keep_on_run
from domains.models import Domain

# Whoever adds funds wakes the run; this is for those that were missed.
ASKED_AGAIN = timedelta(hours=1)

State = TargetRun.State


def require_paid(run: TargetRun) -> None:
    """Set the price aside, once. Raises NeedsUser `balance_too_low`. What is half-done is always completed."""
    is_begun = run.target is not None and run.target.journal is not None
    work = Work.PANEL if run.panel_target_id else Work.SSH
    answer = gate(run, work, is_late=_is_late(run.domain, run.certificate), is_begun=is_begun)
    if not answer.is_open:
        raise too_low(answer.missing_cents)
    if run.error_code == UNPAID:
        keep_on_run(run, error_code="", error_params={})
    tell_paid(run.domain)


def require_affordable(domain: Domain, certificate: Certificate, places: Sequence[Place]) -> None:
    """Before a person's deployment is begun. Raises NeedsUser `balance_too_low`."""
    for work in {Work.SSH if isinstance(place, Target) else Work.PANEL for place in places}:
        require_balance(domain.workspace_id, work, is_late=_is_late(domain, certificate))


def _is_late(domain: Domain, certificate: Certificate | None) -> bool:
    """Whether what the domain serves ends so soon, and the new certificate does not."""
    visit = getattr(domain, "visit", None)
    if visit is None or visit.not_after is None or certificate is None:
        return False
    begun = visit.not_before or visit.not_after - timedelta(days=90)
    return certificate.not_after > visit.not_after and ends_soon(begun, visit.not_after)


def wait_for_balance(run: TargetRun, error: ExpectedError) -> None:
    """The run stays open and says why; the deployment goes on as soon as there is enough."""
    run.finish(
        state=State.WAITING,
        started_at=None,
        run_after=clock.now() + ASKED_AGAIN,
        priority=run.priority,
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=partial(tell_unpaid, run.domain, error),
    )


def wake_unpaid(workspace_id: uuid.UUID) -> None:
    """There is enough again. Inside the transaction of the payment; cheap, repeatable.

    Rows that a worker holds are passed over: it may be waiting for the account that this transaction has locked.
    """
    rows = TargetRun.objects.for_workspace(workspace_id).filter(state=State.WAITING, error_code=UNPAID)
    free = list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    if TargetRun.unscoped.filter(pk__in=free, lease_token__isnull=True).update(run_after=clock.now()):
        jobs.ring(KIND)


replenished.add("deploy", wake_unpaid)


def settle_payment(run: TargetRun, result: Result) -> None:
    """Taken where the run has put something in place that stays, given back otherwise. Inside the end of the run.

    Not only where all is fine: what is looked at afterwards is the customer's to choose. Where everything was in place
    already nothing was done.
    """
    is_put = bool(result.files) or any(one["state"] == "installed" for one in result.sites)
    settle(run, did_its_work=result.state != State.FAILED and is_put)


def _under_way(runs: Collection[uuid.UUID]) -> set[uuid.UUID]:
    return set(TargetRun.unscoped.filter(pk__in=runs, state__in=TargetRun.OPEN_STATES).values_list("pk", flat=True))


def _waiting(domains: Collection[uuid.UUID]) -> set[uuid.UUID]:
    rows = TargetRun.unscoped.filter(domain__in=domains, state=State.WAITING, error_code=UNPAID)
    return set(rows.values_list("domain_id", flat=True))


at_work.add("deploy", _under_way)
waiting.add("deploy", _waiting)
