"""What the audit trail gets of `Fix ACME redirect`."""

from auditlog.events import record
from deploy.models import TargetRun
from deploy.result import Result

_ENDS = {
    TargetRun.Deed.LOOK: "target.redirect_looked",
    TargetRun.Deed.APPLY: "target.redirect_fixed",
    TargetRun.Deed.UNDO: "target.redirect_undone",
}


def tell_of_fix(run: TargetRun, result: Result) -> None:
    """Inside the end of the run."""
    record(
        _ENDS[TargetRun.Deed(run.deed)],
        workspace_id=run.workspace_id,
        domain_id=run.domain_id,
        domain_label=run.domain.label,
        run_id=run.pk,
        data={
            "server": run.label,
            "state": result.state,
            "file": ", ".join(result.files) or "nothing",
            "code": result.error.code if result.error else "",
        },
    )
