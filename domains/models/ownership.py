"""Proof that a workspace controls a host."""

import secrets
from typing import ClassVar

from django.db import models

from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


def new_token() -> str:
    """160 random bits as 40 hex digits: a DNS label whose letters cannot be spelled two ways."""
    return secrets.token_hex(20)


class Ownership(OwnedModel, LeasedJob):
    """A workspace's own token for a host, whether it was seen, and the job that looks for it.

    Many workspaces may prove one host, each by its own token. `checks` is the latest look-up as the
    API shows it: `[{method, name, expected, seen: [{server, values, error}]}]`. `misses` counts looks
    at a proven host that found the record gone; `missing_since` is the time of the first of them.
    """

    host = models.CharField(max_length=253)
    token = models.CharField(max_length=40, default=new_token, editable=False)
    proven_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    checks = models.JSONField(default=list, blank=True)
    misses = models.PositiveIntegerField(default=0)
    missing_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "host"], name="ownership_unique")]
        indexes: ClassVar = [due_index("domains_ownership_due")]

    def __str__(self) -> str:
        return self.host

    @property
    def is_under_way(self) -> bool:
        """Somebody asked and no answer has come since."""
        return self.asked_at is not None and (self.checked_at is None or self.checked_at < self.asked_at)
