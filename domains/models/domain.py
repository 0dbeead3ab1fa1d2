"""What a workspace watches."""

from typing import ClassVar

import idna
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from config.lib import clock
from config.lib.scoping import OwnedModel
from domains.protocols import HTTPS, PROTOCOLS, Protocol


class Mode(models.TextChoices):
    MONITOR = "monitor", "Monitor only"
    DNS = "dns", "Let's Encrypt (DNS)"
    ACME_AUTO = "acme_auto", "Auto-renew (SSH)"
    UPLOAD = "upload", "Upload & deploy"


class State(models.TextChoices):
    """In the order of urgency, which is the order of the list."""

    EXPIRED = "expired"
    UNREACHABLE = "unreachable"
    RENEWAL_FAILED = "renewal_failed"
    PROBLEM = "problem"
    PARTIAL_DEPLOY = "partial_deploy"
    EXPIRING = "expiring"
    RENEWAL_DUE = "renewal_due"
    NO_CERTIFICATE = "no_certificate"
    UNVERIFIED = "unverified"
    OK = "ok"


def readable_name(host: str) -> str:
    """The host in its own script; empty where that is no other than `host`, or where IDNA refuses it."""
    try:
        return idna.decode(host) if "xn--" in host else ""
    except idna.IDNAError:
        return ""


class Domain(OwnedModel):
    """A host name, a port and what is spoken there, in a workspace.

    `mode` and `renew_at` (null: nobody renews it) are written by the rooms above. `state`, `urgency`,
    `expires_at`, `verified_at`, `needs_action` and `reported_state` are kept by whoever changes what
    they sum up, so that lists and filters read one table.
    """

    host = models.CharField(max_length=253)
    # `host` in its own script, for searching; empty where that is the same.
    readable = models.CharField(max_length=253, blank=True, db_default="", default="")
    port = models.PositiveIntegerField(default=HTTPS, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    protocol = models.CharField(max_length=16, default="tls")
    mode = models.CharField(max_length=16, choices=Mode.choices, default=Mode.MONITOR)
    renew_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.UNVERIFIED)
    urgency = models.PositiveSmallIntegerField(default=State.values.index("unverified"))
    # The most urgent state that an open finding of another room asks for; empty: none does.
    reported_state = models.CharField(max_length=16, blank=True)
    needs_action = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    notes = models.TextField(max_length=2000, blank=True, db_default="", default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "host", "port", "protocol"], name="domain_unique"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "urgency", "host", "id"], name="domain_urgency"),
            models.Index(fields=["workspace", "expires_at", "id"], name="domain_expiry"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="domain_newest"),
            # The list's totals are counted in here alone.
            models.Index(fields=["workspace", "state", "needs_action"], name="domain_totals"),
            # Counted by state for the metrics, over all workspaces: an index is a tenth of the table.
            models.Index(fields=["state"], name="domain_state"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """As people write it: the port only where it is not 443."""
        return self.host if self.port == HTTPS else f"{self.host}:{self.port}"

    @property
    def spoken(self) -> Protocol:
        """What is spoken there; with an `opener` where TLS has to be asked for."""
        return PROTOCOLS[self.protocol]

    @property
    def readable_host(self) -> str:
        """The host in its own script; the same as `host` for plain ASCII names."""
        return readable_name(self.host) or self.host

    @property
    def is_verified(self) -> bool:
        return self.verified_at is not None


class DomainTag(OwnedModel):
    """One word that a workspace files a domain under, lower case."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="tag_rows")
    name = models.CharField(max_length=40)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["domain", "name"], name="domain_tag_unique")]
        indexes: ClassVar = [models.Index(fields=["workspace", "name"], name="domain_tag_name")]

    def __str__(self) -> str:
        return self.name
