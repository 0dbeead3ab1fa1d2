"""What is wrong or needs somebody, written by every room."""

from typing import ClassVar

from django.db import models

from config.lib import clock
from config.lib.scoping import OwnedModel
from domains.models.domain import Domain


class Severity(models.TextChoices):
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Finding(OwnedModel):
    """One fact about a domain that is so until it is closed; its words are in the error catalogue.

    An open one is an incident: whoever acknowledges it ends the reminders, and may say why in the note.
    """

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="findings")
    source = models.CharField(max_length=32)
    code = models.CharField(max_length=64)
    params = models.JSONField(default=dict, blank=True)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    needs_user = models.BooleanField(default=False)
    opened_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    # Who did, as the activity log names them.
    acknowledged_by = models.CharField(max_length=254, blank=True, db_default="", default="")
    note = models.TextField(max_length=1000, blank=True, db_default="", default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["domain", "source", "code"],
                condition=models.Q(closed_at__isnull=True),
                name="finding_open_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["domain", "-opened_at"], name="finding_newest"),
            # What is open is counted by code for the metrics, without a look at all that ever was.
            models.Index(
                fields=["code", "severity"], condition=models.Q(closed_at__isnull=True), name="finding_open_codes"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.code}"
