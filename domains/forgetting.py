"""What nobody looks up any more of what was seen: inspections that another one replaced, findings that are closed."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from accounts.chores import forget_some
from config.lib import clock
from domains.models import Finding, Inspection, Visit


def forget_old_inspections() -> bool:
    """A chore: those that lost their place KEEP_INSPECTIONS_DAYS ago. What is served now, or was last, stays."""
    limit = clock.now() - timedelta(days=settings.KEEP_INSPECTIONS_DAYS)
    is_current = Exists(Visit.unscoped.filter(inspection=OuterRef("pk")))
    return forget_some(Inspection.unscoped.filter(~is_current, last_seen_at__lt=limit))


def forget_old_findings() -> bool:
    """A chore: what has not been so any more for KEEP_FINDINGS_DAYS; the events about it stay."""
    limit = clock.now() - timedelta(days=settings.KEEP_FINDINGS_DAYS)
    return forget_some(Finding.unscoped.filter(closed_at__lt=limit))
