"""What is known of a panel target once a run there has ended."""

from typing import Any

from django.db.models import F, Q

from auditlog.events import record
from config.lib import clock
from deploy.models import PanelTarget, TargetRun
from deploy.reconcile import reconcile_target
from deploy.result import Result

State, Outcome = TargetRun.State, TargetRun.Outcome
Status = PanelTarget.Status


def keep_on_panel(run: TargetRun, result: Result, *, is_there: bool) -> None:
    """Inside the end of the run. `is_there`: the account is still the one that it was done at."""
    rows = PanelTarget.unscoped.filter(Q(pk=run.panel_target_id))
    moved = rows.exclude(account=run.panel_account_id).select_related("account", "domain").first()
    if moved:  # It was done at a door that is not the domain's any more, and says nothing of the one that is.
        if result.state != State.FAILED:
            reconcile_target(moved)
        return
    status = {State.SUCCEEDED: Status.OK, State.PARTIAL: Status.PARTIAL}.get(result.state, Status.FAILED)
    changes: dict[str, Any] = {"last_status": status, "last_run_at": clock.now()}
    if is_there and run.sites:
        changes["sites"] = run.sites
    if is_there and result.outcome in (Outcome.SERVING, Outcome.INSTALLED):
        changes["installed_certificate"] = run.certificate_id
    changes["failures"] = 0 if result.state == State.SUCCEEDED else F("failures") + 1
    rows.update(**changes)


def record_try(run: TargetRun, result: Result) -> None:
    record(
        "panel.tested",
        workspace_id=run.workspace_id,
        domain_id=run.domain_id,
        domain_label=run.domain.label,
        run_id=run.pk,
        data={"panel": run.label, "state": result.state, "code": result.error.code if result.error else ""},
    )
