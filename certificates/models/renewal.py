"""What renews by itself."""

from django.db import models

from certificates.keys import DEFAULT_KEY_TYPE
from certificates.models.certificate import Certificate
from certificates.models.issuance import Issuance
from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


class Renewal(LeasedJob, OwnedModel):
    """The certificate that a domain is to have always: ordered anew when its moment comes.

    `certificate` is the newest of its kind on file, `renew_at` and `why` its moment (`certificates.renewal.moment`).
    The window is the CA's suggestion, asked for again at `ask_at`; `chosen_at` stays while the window does. `issuance`
    is the one that was started last; `failures` counts, since the certificate was stored, those that failed or, before
    one is begun again, how often none could be begun; `retry_at` is when the next is started after one. `level` is how
    overdue it has been told to be.
    """

    domain = models.OneToOneField("domains.Domain", on_delete=models.CASCADE, related_name="renewal")
    names = models.JSONField(default=list)
    names_key = models.CharField(max_length=64)
    directory_url = models.CharField(max_length=500)
    profile = models.CharField(max_length=64, blank=True)
    key_type = models.CharField(max_length=16, default=DEFAULT_KEY_TYPE)
    certificate = models.ForeignKey(Certificate, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    issuance = models.ForeignKey(Issuance, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    window_start = models.DateTimeField(null=True, blank=True)
    window_end = models.DateTimeField(null=True, blank=True)
    chosen_at = models.DateTimeField(null=True, blank=True)
    is_past = models.BooleanField(default=False)
    explanation_url = models.CharField(max_length=500, blank=True)
    ask_at = models.DateTimeField(null=True, blank=True)
    renew_at = models.DateTimeField(null=True, blank=True)
    why = models.CharField(max_length=16, blank=True)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    # Somebody asked for the next one at once: the id that its issuance gets.
    asked_as = models.UUIDField(null=True, blank=True)
    is_forced = models.BooleanField(default=False)
    level = models.PositiveSmallIntegerField(default=0)
    requested_by = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [
            due_index("certificates_renewal_due"),
            models.Index(fields=["renew_at"], name="renewal_by_moment"),
        ]

    def __str__(self) -> str:
        return f"renewal of {self.domain_id}"
