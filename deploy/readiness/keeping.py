"""What a rehearsal at one server or panel found, kept beside what is known of the domain."""

from collections.abc import Sequence

from auditlog.events import record
from certificates.renewal.checks import Check
from config.lib import clock
from deploy.models import Readiness, TargetRun
from deploy.readiness.judging import OK, conclude, is_to_be_confirmed
from deploy.readiness.telling import tell
from deploy.readiness.work import CONFIRMED_AFTER, renewal_of
from deploy.result import Result


def keep_rehearsal(run: TargetRun, result: Result) -> None:
    """Inside the end of the run. A run that was given up has no checks, and says that it was."""
    record(
        "target.rehearsed",
        workspace_id=run.workspace_id,
        domain_id=run.domain_id,
        domain_label=run.domain.label,
        run_id=run.pk,
        data={"server": run.label, "state": result.state, "code": result.error.code if result.error else ""},
    )
    rows = Readiness.objects.for_workspace(run.workspace_id).select_related("domain").filter(domain=run.domain_id)
    row = rows.select_for_update(of=("self",)).first()
    renewal = renewal_of(row) if row else None
    if row is None or renewal is None or row.is_off or run.place_id == run.pk:
        return  # Turned off or removed meanwhile: nobody asks any more.
    _keep(row, run, result.checks or [_given_up(run, result)])
    tell(row, renewal)


def _given_up(run: TargetRun, result: Result) -> Check:
    return Check("panel" if run.panel_target_id else "login", error=result.error)


def _keep(row: Readiness, run: TargetRun, found: Sequence[Check]) -> None:
    """What was wrong and was not looked at this time, since the way there was cut, stays as it was."""
    key = str(run.place_id)
    before = row.places.get(key, {}).get("checks", [])
    checks = conclude(found, before)
    looked_at = {check.key for check in found}
    left = [one for one in before if one["state"] != OK and one["key"] not in looked_at]
    place = {"label": run.label, "run": str(run.pk), "at": clock.now().isoformat(), "checks": checks + left}
    row.places[key] = place
    Readiness.unscoped.filter(pk=row.pk).update(places=row.places)
    if is_to_be_confirmed(checks):
        again = clock.now() + CONFIRMED_AFTER
        later = Readiness.unscoped.filter(pk=row.pk, lease_token=None, run_after__gt=again)
        later.update(run_after=again)
        Readiness.unscoped.filter(pk=row.pk).update(is_asked=True)
