"""What lets a server or a job fetch its certificate itself."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from certificates.models.certificate import Certificate
from config.lib import clock
from config.lib.scoping import OwnedModel


class PullToken(OwnedModel):
    """`mmcp_…`, shown once; whoever has it gets a domain's certificate with its key. Revoked: the row is gone.

    It stands for a line of certificates rather than for one: always the newest of `domain` that has all of `names`,
    so it outlives renewals and names that are added. Only the SHA-256 is kept (the token has 256 random bits).
    `last_pulled_at` is to the minute.
    """

    domain = models.ForeignKey("domains.Domain", on_delete=models.CASCADE, related_name="pull_tokens")
    names = models.JSONField(default=list)
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    last_pulled_at = models.DateTimeField(null=True, blank=True)
    last_pulled_ip = models.GenericIPAddressField(null=True, blank=True)
    last_certificate = models.ForeignKey(
        Certificate, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["domain", "-created_at", "-id"], name="pull_token_by_domain")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
