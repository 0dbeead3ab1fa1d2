"""Who a workspace is at a CA."""

from typing import ClassVar

from django.db import models

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from config.lib.sealed import SealedField


class AcmeAccount(LeasedJob, OwnedModel):
    """One per workspace and CA: a CA reuses proofs per account, and a shared account would hand one
    workspace another's certificate. The key exists before the CA hears of it; `uri` comes after.

    The job looks at the CA's directory once a week, takes the next key into use, and closes the account.
    `ca_bundle` is PEM of the roots that its interface is verified against, empty for the public ones.
    `external_key_id` and `external_mac` bind it to an account that the CA knows already (RFC 8555, section 7.3.4).
    `preferred_chain` is the common name of the issuer that the chain's last certificate should name. `facts` is
    what the directory said, see certificates.cas.directories.
    """

    directory_url = models.CharField(max_length=500)
    sealed_key = SealedField(purpose="acme_account_key")
    # There from before the CA is told of it until it has taken the other's place; nothing is ordered meanwhile.
    next_key = SealedField(purpose="acme_account_next_key", null=True, blank=True)
    rolling_at = models.DateTimeField(null=True, blank=True)
    uri = models.CharField(max_length=500, blank=True)
    ca_bundle = models.TextField(blank=True)
    external_key_id = models.CharField(max_length=500, blank=True)
    external_mac = SealedField(purpose="acme_external_mac", null=True, blank=True)
    preferred_chain = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    # Somebody chose this CA. The portal's own gets its row by its first order, and is offered as long as it is that.
    is_added = models.BooleanField(default=False)
    asked_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    opened_at = models.DateTimeField(null=True, blank=True)
    rolled_at = models.DateTimeField(null=True, blank=True)
    closing_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "directory_url"], name="acme_account_unique")
        ]
        indexes: ClassVar = [due_index("certificates_account_due")]

    def __str__(self) -> str:
        return self.uri or self.directory_url

    @property
    def is_under_way(self) -> bool:
        """Somebody asked for something and no answer has come since."""
        return self.asked_at is not None and (self.looked_at is None or self.looked_at < self.asked_at)


class CaEntry(models.Model):
    """One thing that a CA counts against its limits; kept for some days.

    Limits hold for a registered domain or for the whole installation, whoever has used them up, and what was used
    stays used when a workspace goes: so no row belongs to one. `subject` is what the CA counts by.
    """

    directory_url = models.CharField(max_length=500)
    counted = models.CharField(max_length=24)
    subject = models.CharField(max_length=300)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["counted", "subject", "directory_url", "at"], name="ca_entry_by_subject"),
            models.Index(fields=["at"], name="ca_entry_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.counted} {self.subject}"


class CaOutage(models.Model):
    """A CA that is out of reach for whoever verifies it by these roots; gone with its first answer. No workspace's own.

    Nothing is asked of it before `probe_at`, and then by one; null: too few failures so far. `line_ends_at` is when
    the next one in the line of those who wait comes back.
    """

    directory_url = models.CharField(max_length=500)
    # SHA-256 of the bundle, empty for the public ones.
    roots = models.CharField(max_length=64, blank=True)
    since = models.DateTimeField(default=clock.now)
    failures = models.PositiveIntegerField(default=0)
    probe_at = models.DateTimeField(null=True, blank=True)
    line_ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["directory_url", "roots"], name="ca_outage_unique")]

    def __str__(self) -> str:
        return f"{self.directory_url} since {self.since:%Y-%m-%d %H:%M}"
