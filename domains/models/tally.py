"""Figures of the whole portal that nothing else keeps."""

import uuid

from django.db import models


class VisitTally(models.Model):
    """How many visits ended with `outcome` since the portal was set up; empty: a certificate was seen.

    A row per outcome belongs to no workspace: it says nothing of any host.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    outcome = models.CharField(max_length=64, unique=True)
    visits = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.outcome or 'seen'}: {self.visits}"
