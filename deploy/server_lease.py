"""One run at a time on a server: no reload of ours falls between another run's renames."""

from datetime import timedelta

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from deploy.models import Server, TargetRun

SECONDS = 90


def take(run: TargetRun) -> bool:
    """Take the run's server, unless another run has it. Repeatable: the run's id is the key."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now()) | Q(lease_token=run.pk)
    rows = Server.unscoped.filter(free, Q(pk=run.server_id))
    return bool(rows.update(lease_token=run.pk, lease_until=Now() + timedelta(seconds=SECONDS)))


def give_back(run: TargetRun) -> None:
    """Let the next run have the server; no harm when somebody else has it by now."""
    Server.unscoped.filter(Q(pk=run.server_id), lease_token=run.pk).update(lease_token=None, lease_until=None)


def leave_busy_out(rows: QuerySet[TargetRun]) -> QuerySet[TargetRun]:
    """Runs whose server nobody else is working on: the others are not worth a claim yet."""
    busy = Q(server__lease_until__gte=Now()) & ~Q(server__lease_token=F("pk"))
    return rows.exclude(busy)
