"""What an API call that starts a run answers."""

from accounts.api import Status
from config.lib import jobs
from deploy.models import TargetRun
from deploy.shapes import show_run


def settled_run(run: TargetRun) -> Status:
    """The run when it ends within the time that a caller waits, else where to look."""

    def is_over() -> bool:
        run.refresh_from_db()
        return not run.is_open

    if jobs.wait_for(is_over):
        return Status(200, show_run(run))
    return Status(202, {"id": run.pk, "url": f"/api/runs/{run.pk}"})
