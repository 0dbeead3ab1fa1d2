"""A look at every address of a name."""

from typing import ClassVar

from django.db import models

from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from domains.models.domain import Domain


class AddressCheck(OwnedModel, LeasedJob):
    """What each address of a domain's name served when somebody last asked, and the job that looks.

    `results` are as `domains.addresses.checking` stores them; `error_code` says why the name has none.
    """

    domain = models.OneToOneField(Domain, on_delete=models.CASCADE, related_name="address_check")
    asked_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    results = models.JSONField(default=list, blank=True)
    left_out = models.PositiveIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [due_index("domains_address_due")]

    def __str__(self) -> str:
        return f"addresses of {self.domain_id}"

    @property
    def is_under_way(self) -> bool:
        """Somebody asked and no answer has come since."""
        return self.asked_at is not None and (self.checked_at is None or self.checked_at < self.asked_at)
