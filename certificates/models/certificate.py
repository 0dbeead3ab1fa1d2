"""Private keys and stored certificates."""

import hashlib
from collections.abc import Sequence

from django.db import models

from certificates.keys import DEFAULT_KEY_TYPE
from config.lib import clock
from config.lib.scoping import OwnedModel
from config.lib.sealed import SealedField


class PrivateKey(OwnedModel):
    """A row of its own, so that deleting it destroys the key and nothing else. It goes with its domain."""

    domain = models.ForeignKey("domains.Domain", on_delete=models.CASCADE, related_name="+")
    sealed_pem = SealedField(purpose="certificate_private_key")
    key_type = models.CharField(max_length=16, default=DEFAULT_KEY_TYPE)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.key_type} {self.pk}"


class Certificate(OwnedModel):
    """A stored certificate. `chain_pem` holds the intermediates without the leaf, in order.

    `renew_at` is when a renewal starts by itself; null: nobody renews it.
    """

    class Source(models.TextChoices):
        ACME = "acme"
        UPLOAD = "upload"

    domain = models.ForeignKey("domains.Domain", on_delete=models.CASCADE, related_name="certificates")
    names = models.JSONField(default=list)
    names_key = models.CharField(max_length=64)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.ACME)
    directory_url = models.CharField(max_length=500, blank=True)
    profile = models.CharField(max_length=64, blank=True)
    key_type = models.CharField(max_length=16, blank=True)
    leaf_pem = models.TextField()
    chain_pem = models.TextField(blank=True)
    fingerprint_sha256 = models.CharField(max_length=64)
    serial = models.CharField(max_length=80)
    issuer = models.CharField(max_length=255)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    renew_at = models.DateTimeField(null=True, blank=True)
    private_key = models.ForeignKey(PrivateKey, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    requested_by = models.CharField(max_length=254, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # A reason of RFC 5280, section 5.3.1.
    revocation_reason = models.PositiveSmallIntegerField(null=True, blank=True)
    # What was odd about an upload that was stored all the same: `{code, params}` each.
    warnings = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["domain", "fingerprint_sha256"], name="certificate_stored_once"),
        ]
        indexes = [
            models.Index(fields=["workspace", "names_key", "-not_after"], name="certificate_by_names"),
            models.Index(fields=["domain", "-created_at", "id"], name="certificate_by_domain"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="certificate_newest"),
        ]

    def __str__(self) -> str:
        return f"{', '.join(self.names[:3])} {self.fingerprint_sha256[:12]}"


class CertificateName(OwnedModel):
    """Finds the certificate issued under x from www.x."""

    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="name_rows")
    name = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["certificate", "name"], name="certificate_name_unique")]
        indexes = [models.Index(fields=["workspace", "name"], name="certificate_name_lookup")]

    def __str__(self) -> str:
        return self.name


def names_key(names: Sequence[str]) -> str:
    """One value per set of names; a hash, because a hundred names outgrow an index row."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
