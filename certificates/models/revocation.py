"""Certificates that are to be withdrawn at their CA."""

from django.db import models

from certificates.models.certificate import Certificate
from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


class Revocation(LeasedJob, OwnedModel):
    """One certificate's revocation, asked for and not withdrawn again; `ended_at` is null while it is tried.

    Whether it came to pass is the certificate's `revoked_at`; `error_code` says why it did not.
    """

    certificate = models.OneToOneField(Certificate, on_delete=models.CASCADE, related_name="revocation")
    # Of RFC 5280, section 5.3.1.
    reason = models.PositiveSmallIntegerField(default=0)
    requested_by = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [due_index("certificates_revocation_due")]

    def __str__(self) -> str:
        return f"{self.certificate_id} reason {self.reason}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None
