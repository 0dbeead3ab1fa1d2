"""What went out long ago, and what led to it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from accounts.chores import forget_some
from auditlog.models import PendingReaction
from config.lib import clock
from notifications.models import Delivery, Ticket


def forget_old_deliveries() -> bool:
    """A chore: what was settled KEEP_DELIVERIES_DAYS ago. What still waits stays, however old."""
    return forget_some(Delivery.unscoped.filter(settled_at__lt=_limit()).order_by("settled_at"))


def forget_old_tickets() -> bool:
    """A chore: what the other side closed that long ago."""
    return forget_some(Ticket.unscoped.filter(resolved_at__lt=_limit()))


def forget_reactions() -> bool:
    """A chore: those that are done say nothing that their deliveries do not; those given up stay as long as these."""
    is_given_up = Q(run_after=None, lease_token=None, event__at__lt=_limit())
    return forget_some(PendingReaction.objects.filter(Q(is_done=True) | is_given_up))


def _limit() -> datetime:
    return clock.now() - timedelta(days=settings.KEEP_DELIVERIES_DAYS)
