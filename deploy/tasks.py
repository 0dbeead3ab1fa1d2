"""What this room's workers do."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import QuerySet

from accounts.chores import Routine, chores
from certificates.renewal.following import followers
from config.lib import jobs
from config.lib.later import later
from deploy.models import HttpAnswer, Readiness, TargetRun
from deploy.reconcile import KIND
from deploy.server_lease import HALF_DONE, leave_busy_out


def _with_what_runs_read(rows: QuerySet[TargetRun]) -> Sequence[TargetRun]:
    """Without target and server: what is half-done there is read once the server is held."""
    return list(rows.select_related("domain__visit", "deployment", "certificate__private_key"))


jobs.register(
    jobs.Kind(
        name=KIND,
        model=TargetRun,
        work=later("deploy.runs.work_runs"),
        give_up=later("deploy.runs.give_up"),
        limit=leave_busy_out,
        load=_with_what_runs_read,
        must_end=HALF_DONE,
    )
)
jobs.register(
    jobs.Kind(
        name="http_answer",
        model=HttpAnswer,
        work=later("deploy.http01.solver.remove_left"),
        give_up=later("deploy.http01.solver.give_up"),
        lease=timedelta(seconds=180),
    )
)
jobs.register(
    jobs.Kind(
        name="readiness",
        model=Readiness,
        work=later("deploy.readiness.work.work_readiness"),
        give_up=later("deploy.readiness.work.give_up"),
        lease=timedelta(seconds=120),
        limit=later("deploy.readiness.work.leave_room"),
    )
)
followers.add("deployments", later("deploy.reconcile.follow_automation"))
followers.add("readiness", later("deploy.readiness.asking.follow_automation"))
chores.add(
    "renewals without rehearsals",
    Routine(later("deploy.readiness.asking.make_missing"), timedelta(hours=1)),
)
chores.add("old deployments", Routine(later("deploy.forgetting.forget_old_deployments"), timedelta(days=1)))
chores.add("old looks at servers", Routine(later("deploy.forgetting.forget_old_looks"), timedelta(days=1)))
