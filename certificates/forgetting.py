"""Issuances of long ago. Certificates and their keys stay until somebody deletes them."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from accounts.chores import forget_some
from certificates.models import Issuance, Renewal
from config.lib import clock


def forget_old_issuances() -> bool:
    """A chore: those that ended KEEP_RUNS_DAYS ago, but the last of each domain and the one that its renewal names.

    One with a key and no certificate is left alone: a certificate may have come of it that was never fetched.
    """
    limit = clock.now() - timedelta(days=settings.KEEP_RUNS_DAYS)
    later = Issuance.unscoped.filter(domain=OuterRef("domain"), created_at__gt=OuterRef("created_at"))
    is_named = Exists(Renewal.unscoped.filter(issuance=OuterRef("pk")))
    is_whole = Q(private_key=None) | Q(certificate__isnull=False)
    rows = Issuance.unscoped.filter(is_whole, Exists(later), ~is_named, ended_at__lt=limit, run_after=None)
    return forget_some(rows.exclude(state__in=Issuance.OPEN_STATES))
