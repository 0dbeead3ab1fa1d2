"""Lists of revoked certificates, fetched once for everybody, and the certificates that are looked up in them."""

import uuid
from typing import ClassVar

from django.db import models

from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from domains.models.domain import Domain


class RevocationList(LeasedJob, models.Model):
    """One authority's list at one address: the standing job that fetches it once a day for all workspaces.

    Nothing in it belongs to a workspace: the address and the issuer stand in certificates that are served
    to everybody. `error_code` says why the latest list was not to be had, or not to be believed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    url = models.CharField(max_length=500)
    issuer_sha256 = models.CharField(max_length=64)
    issuer_der = models.BinaryField()
    issuer_name = models.CharField(max_length=300, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    this_update = models.DateTimeField(null=True, blank=True)
    next_update = models.DateTimeField(null=True, blank=True)
    entries = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["url", "issuer_sha256"], name="revocation_list_once")]
        indexes: ClassVar = [due_index("domains_revocation_due")]

    def __str__(self) -> str:
        return self.url


class RevocationWatch(OwnedModel):
    """A served certificate that is looked up in its authority's list; `serial` is lower-case hex.

    `checked_at` is when a list that can be believed last answered for it; `revoked_at` is null again
    for one that was only on hold and came off the list.
    """

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="revocation_watches", db_index=False)
    source = models.ForeignKey(RevocationList, on_delete=models.CASCADE, related_name="watches")
    fingerprint_sha256 = models.CharField(max_length=64)
    serial = models.CharField(max_length=64)
    checked_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["domain", "fingerprint_sha256"], name="revocation_watch_once"),
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint_sha256[:16]} of {self.domain_id}"
