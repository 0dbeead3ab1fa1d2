"""What the database computes for a lease: until when it is held, and how often it was taken."""

from datetime import timedelta

from django.db.models import F
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce, Greatest, Now

from config.lib.prepared import Computed


def held_for(seconds: float) -> Computed:
    """`lease_until` prolonged, never shortened: somebody may rely on what an earlier call was given."""
    return Computed(_prolonged, timedelta(seconds=seconds))


def from_now(span: timedelta) -> Computed:
    return Computed(_from_now, span)


def _from_now(span: timedelta) -> CombinedExpression:
    return Now() + span


def one_claim_more() -> Computed:
    return Computed(_claims_and, 1)


def _claims_and(more: int) -> CombinedExpression:
    return F("claims") + more


def _prolonged(span: timedelta) -> Greatest:
    # SQLite's MAX of anything and NULL is NULL.
    return Greatest(Coalesce(F("lease_until"), Now()), Now() + span)
