"""What the portal keeps of other people's DNS: delegations to its own zone, providers, and records it made there."""

import secrets
from base64 import b32encode
from typing import ClassVar

from django.db import models

from certificates.models.issuance import Authorization, Issuance
from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from config.lib.sealed import SealedField

LABEL_BYTES = 20


def new_label() -> str:
    """160 random bits in letters and digits, which DNS keeps in whatever case it is asked."""
    return b32encode(secrets.token_bytes(LABEL_BYTES)).decode().lower()


class Delegation(OwnedModel, LeasedJob):
    """`_acme-challenge.<host>` of one workspace, handed to the label below ACME_DNS_ZONE; and the job that looks.

    A label belongs to one workspace for good: it is random, never given out twice, and gone with its row.
    `servers` is what each name server said at the last look, as in Authorization. `found_at`: since when the
    CNAME has been there, null while it never was.
    """

    domain = models.ForeignKey("domains.Domain", on_delete=models.CASCADE, related_name="delegations")
    host = models.CharField(max_length=253)
    label = models.CharField(max_length=63, unique=True, default=new_label, editable=False)
    seen = models.CharField(max_length=12, choices=Authorization.Seen.choices, default=Authorization.Seen.NOT_SEEN)
    servers = models.JSONField(default=list, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    found_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "host"], name="delegation_unique")]
        indexes: ClassVar = [due_index("certificates_delegation_due")]

    def __str__(self) -> str:
        return self.host

    @property
    def is_in_use(self) -> bool:
        return self.seen == Authorization.Seen.SEEN


class ChallengeValue(OwnedModel):
    """A TXT value that the responder answers at a delegation's label, for as long as its issuance needs it."""

    delegation = models.ForeignKey(Delegation, on_delete=models.CASCADE, related_name="values")
    issuance = models.ForeignKey(Issuance, on_delete=models.CASCADE, related_name="+")
    value = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delegation", "issuance", "value"], name="challenge_value_unique")
        ]

    def __str__(self) -> str:
        return self.value


class DnsProvider(OwnedModel, LeasedJob):
    """A zone at a DNS provider and the credentials to write in it; the job is its test.

    `sealed_secrets` is JSON of the secret fields, `config` of the others. `busy_until` serialises the zone:
    some providers' interfaces write it as a whole.
    """

    class Kind(models.TextChoices):
        """The keys of certificates.dns.providers.kinds."""

        CLOUDFLARE = "cloudflare"
        DIGITALOCEAN = "digitalocean"
        HETZNER = "hetzner"
        OVH = "ovh"
        GANDI = "gandi"
        GODADDY = "godaddy"
        DNSIMPLE = "dnsimple"
        VULTR = "vultr"
        PORKBUN = "porkbun"
        IONOS = "ionos"
        DESEC = "desec"
        POWERDNS = "powerdns"
        RFC2136 = "rfc2136"

    kind = models.CharField(max_length=32, choices=Kind.choices)
    zone = models.CharField(max_length=253)
    config = models.JSONField(default=dict, blank=True)
    sealed_secrets = SealedField(purpose="dns provider")
    busy_token = models.UUIDField(null=True, blank=True, editable=False)
    busy_until = models.DateTimeField(null=True, blank=True, editable=False)
    asked_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "zone"], name="dns_provider_unique")]
        indexes: ClassVar = [due_index("certificates_provider_due")]

    def __str__(self) -> str:
        return f"{self.zone} at {self.kind}"

    @property
    def works(self) -> bool:
        """Whether its last test went well; what was changed since then has to be tested again."""
        return self.tested_at is not None and not self.error_code

    @property
    def is_under_way(self) -> bool:
        """Somebody asked for a test and no answer has come since."""
        return self.asked_at is not None and (self.tested_at is None or self.tested_at < self.asked_at)


class ProviderRecord(OwnedModel, LeasedJob):
    """A TXT record that the portal is about to make at a provider, or has made; gone with its removal.

    Written before the provider is asked, so that whatever happens somebody removes it: the issuance's clean-up,
    or this row's own job a day later.
    """

    provider = models.ForeignKey(DnsProvider, on_delete=models.CASCADE, related_name="records")
    issuance = models.ForeignKey(Issuance, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    fqdn = models.CharField(max_length=255)
    value = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "issuance", "fqdn", "value"], name="provider_record_unique")
        ]
        indexes: ClassVar = [due_index("certificates_record_due")]

    def __str__(self) -> str:
        return f"{self.fqdn} {self.value}"
