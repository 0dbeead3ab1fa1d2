"""What a domain is hosted on, and the job that looks."""

from typing import ClassVar

from django.db import models

from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from domains.models.domain import Domain


class Hosting(OwnedModel, LeasedJob):
    """The latest detection, as `domains.hosting.detecting` stores it; `results` is empty before the first.

    `error_code` says why the front page could not be looked at. `is_doubted`: somebody said that the detection
    is wrong, so nothing is hidden for its sake.
    """

    domain = models.OneToOneField(Domain, on_delete=models.CASCADE, related_name="hosting")
    asked_at = models.DateTimeField(null=True, blank=True)
    detected_at = models.DateTimeField(null=True, blank=True)
    results = models.JSONField(default=dict, blank=True)
    is_doubted = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [due_index("domains_hosting_due")]

    def __str__(self) -> str:
        return f"hosting of {self.domain_id}"

    @property
    def is_under_way(self) -> bool:
        """Somebody asked and no answer has come since."""
        return self.asked_at is not None and (self.detected_at is None or self.detected_at < self.asked_at)
