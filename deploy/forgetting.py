"""Runs of long ago. What the events say of them stays."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from accounts.chores import forget_some
from config.lib import clock
from deploy.models import Deployment, TargetRun

# Each takes its runs and their steps along.
AT_ONCE = 200


def forget_old_deployments() -> bool:
    """A chore: those of KEEP_RUNS_DAYS ago, but the last of each domain and the last that was not undone.

    Those of a certificate that has not ended stay: after an incident they say which servers held its key.
    """
    later = Deployment.unscoped.filter(domain=OuterRef("domain"), created_at__gt=OuterRef("created_at"), undone_at=None)
    open_runs = TargetRun.unscoped.filter(deployment=OuterRef("pk"), state__in=TargetRun.OPEN_STATES)
    rows = Deployment.unscoped.filter(Exists(later), ~Exists(open_runs), created_at__lt=_limit())
    rows = rows.exclude(certificate__not_after__gte=clock.now())
    return forget_some(rows.exclude(state=Deployment.State.RUNNING), AT_ONCE)


def forget_old_looks() -> bool:
    """A chore: tests, detections, fixes and undoings that long ago, but the last of its kind at each place."""
    rows = TargetRun.unscoped.filter(deployment=None, created_at__lt=_limit())
    rows = rows.exclude(state__in=TargetRun.OPEN_STATES)
    same = TargetRun.unscoped.filter(
        kind=OuterRef("kind"), deed=OuterRef("deed"), created_at__gt=OuterRef("created_at")
    )
    of_target = Exists(same.filter(target=OuterRef("target")))
    of_panel = Exists(same.filter(panel_target=OuterRef("panel_target")))
    is_gone = Q(target=None, panel_target=None)
    return forget_some(rows.filter(of_target | of_panel | is_gone), AT_ONCE)


def _limit() -> datetime:
    return clock.now() - timedelta(days=settings.KEEP_RUNS_DAYS)
