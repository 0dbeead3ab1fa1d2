"""What this room's workers do."""

from datetime import timedelta

from django.db.models import Q

from config.lib import jobs
from deploy import runs, server_lease
from deploy.models import TargetRun

# Between two sets of files: the journal says so, and only a run that goes on or back ends it.
HALF_DONE = Q(kind=TargetRun.Kind.DEPLOY, state__in=TargetRun.OPEN_STATES, target__journal__isnull=False)

jobs.register(
    jobs.Kind(
        name=runs.KIND,
        model=TargetRun,
        work=runs.work_runs,
        give_up=runs.give_up,
        lease=timedelta(seconds=60),
        limit=server_lease.leave_busy_out,
        must_end=HALF_DONE,
    )
)
