"""What this room's workers do."""

from django.db.models import Q

from config.lib import jobs
from config.lib.later import later
from deploy.models import TargetRun
from deploy.reconcile import KIND
from deploy.server_lease import leave_busy_out

# Between two sets of files: the journal says so, and only a run that goes on or back ends it.
_CHANGES_FILES = (TargetRun.Kind.DEPLOY, TargetRun.Kind.UNDO)
HALF_DONE = Q(kind__in=_CHANGES_FILES, state__in=TargetRun.OPEN_STATES, target__journal__isnull=False)


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
