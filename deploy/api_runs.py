"""What the operations on a target share: the target itself, and the answer about a run that was started."""

import uuid

from django.shortcuts import get_object_or_404

from accounts.api import ApiRequest, Status
from config.lib import jobs
from deploy.models import Target, TargetRun
from deploy.shapes import show_run


def load_target(request: ApiRequest, key: uuid.UUID) -> Target:
    rows = Target.objects.for_workspace(request.workspace).select_related("server", "domain")
    return get_object_or_404(rows, pk=key)


def settled_run(run: TargetRun) -> Status:
    """The run when it ends within the time that a caller waits, else where to look."""

    def is_over() -> bool:
        run.refresh_from_db()
        return not run.is_open

    if jobs.wait_for(is_over):
        return Status(200, show_run(run))
    return Status(202, {"id": run.pk, "url": f"/api/runs/{run.pk}"})
