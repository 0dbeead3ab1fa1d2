"""What this room's workers do."""

from datetime import timedelta

from config.lib import jobs
from deploy import runs, server_lease
from deploy.models import TargetRun

jobs.register(
    jobs.Kind(
        name=runs.KIND,
        model=TargetRun,
        work=runs.work_runs,
        give_up=runs.give_up,
        lease=timedelta(seconds=60),
        limit=server_lease.leave_busy_out,
    )
)
