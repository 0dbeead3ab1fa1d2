"""How long a lease that is ours is kept."""

from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Coalesce, Greatest, Now


def held_for(seconds: float) -> Greatest:
    """`lease_until` prolonged, never shortened: somebody may rely on what an earlier call was given."""
    # SQLite's MAX of anything and NULL is NULL.
    return Greatest(Coalesce(F("lease_until"), Now()), Now() + timedelta(seconds=seconds))
