"""What this room's workers do."""

from datetime import timedelta

from accounts.chores import Routine, chores
from certificates.renewal.following import followers
from config.lib import jobs
from config.lib.later import later
from deploy.models import HttpAnswer, Readiness, TargetRun
from deploy.reconcile import KIND
from deploy.server_lease import HALF_DONE, leave_busy_out

jobs.register(
    jobs.Kind(
        name=KIND,
        model=TargetRun,
        work=later("deploy.runs.work_runs"),
        give_up=later("deploy.runs.give_up"),
        limit=leave_busy_out,
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
followers.add("readiness", later("deploy.readiness.asking.follow_automation"))
chores.add(
    "renewals without rehearsals",
    Routine(later("deploy.readiness.asking.make_missing"), timedelta(hours=1)),
)
