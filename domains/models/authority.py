"""Authorities that a workspace trusts beside the public ones."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from config.lib import clock
from config.lib.scoping import OwnedModel


class WorkspaceRoot(OwnedModel):
    """A certificate authority that is trusted when this workspace's domains are judged, and nowhere else."""

    der = models.BinaryField()
    fingerprint_sha256 = models.CharField(max_length=64)
    subject = models.CharField(max_length=300)
    not_before = models.DateTimeField(null=True, blank=True)
    not_after = models.DateTimeField(null=True, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "fingerprint_sha256"], name="workspace_root_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at", "-id"], name="workspace_root_newest")]

    def __str__(self) -> str:
        return self.subject
