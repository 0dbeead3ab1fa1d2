"""Who is told of what, when it is due, and what was said already."""

from typing import ClassVar

from django.db import models

from billing.prices import is_on
from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from domains.models import Domain, Finding
from notifications.models.gateway import Gateway
from notifications.models.wording import AlertTemplate


class Trigger(models.TextChoices):
    """What a rule waits for."""

    EXPIRY = "expiry", "Days before expiry"
    RENEWAL = "renewal", "After each renewal"
    RENEWAL_FAILED = "renewal_failed", "Renewal failed"
    OVERDUE = "overdue", "Renewal overdue"
    PROBLEM = "problem", "Inspection problem"
    CHANGED = "changed", "Certificate changed"
    SITE = "site", "Site down or up"
    READINESS = "readiness", "Renewal will fail"
    BALANCE = "balance", "Balance too low"

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """As choices. Where nothing costs anything, nothing says that it could."""
        return [(one.value, one.label) for one in cls if one != cls.BALANCE or is_on()]


class Rule(OwnedModel):
    """Of which domains (`domain`, `tag`, or with neither all of them), through what, and to whom.

    `days_before_expiry` is for EXPIRY alone. `is_default` marks the three that a workspace begins with: their days
    are scaled to the certificate's lifetime and they keep silent about certificates that renew by themselves; a
    rule that somebody wrote, or whose days or domains somebody changed, fires exactly as written. `recipients` are
    addresses or numbers; none means the admins for mail, and nothing for channels that go to one place. `digest`
    gathers instead of firing for each.
    """

    class DigestEvery(models.TextChoices):
        NEVER = "", "At once"
        DAILY = "daily", "One message a day"
        WEEKLY = "weekly", "One message a week"

    name = models.CharField(max_length=80)
    trigger = models.CharField(max_length=16, choices=Trigger.choices, default=Trigger.EXPIRY)
    channel = models.CharField(max_length=16)
    gateway = models.ForeignKey(Gateway, null=True, blank=True, on_delete=models.PROTECT, related_name="rules")
    days_before_expiry = models.PositiveIntegerField(null=True, blank=True)
    domain = models.ForeignKey(Domain, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_rules")
    tag = models.CharField(max_length=40, blank=True)
    recipients = models.JSONField(default=list, blank=True)
    template = models.ForeignKey(AlertTemplate, null=True, blank=True, on_delete=models.PROTECT, related_name="rules")
    digest = models.CharField(max_length=8, choices=DigestEvery.choices, blank=True, default=DigestEvery.NEVER)
    is_default = models.BooleanField(default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at", "-id"], name="alert_rule_newest")]

    def __str__(self) -> str:
        return self.name


class Alarm(OwnedModel):
    """What a rule has said about one thing of a domain: a certificate (`subject` its fingerprint) or a finding.

    `round` counts how often; the next one comes after the cooldown. `acknowledged_at` ends the repeating.
    """

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="alarms")
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="alarms")
    subject = models.CharField(max_length=64)
    finding = models.ForeignKey(Finding, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    round = models.PositiveIntegerField(default=0)
    fired_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["domain", "rule", "subject"], name="alarm_once"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.subject[:12]} round {self.round}"


class Watch(LeasedJob, OwnedModel):
    """When a domain's rules are to be looked at next: the earliest moment at which one of them fires.

    One row for each verified domain, so that the sweep costs what is due. Whatever moves that moment (another
    certificate, a changed rule, a finding) makes the row due at once.
    """

    domain = models.OneToOneField(Domain, on_delete=models.CASCADE, related_name="alert_watch")

    class Meta:
        verbose_name_plural = "watches"
        indexes: ClassVar = [due_index("notifications_watch_due")]

    def __str__(self) -> str:
        return f"rules of {self.domain_id}"


class Digest(LeasedJob, OwnedModel):
    """The next gathering message of a rule with a `digest`."""

    rule = models.OneToOneField(Rule, on_delete=models.CASCADE, related_name="gathering")

    class Meta:
        indexes: ClassVar = [due_index("notifications_digest_due")]

    def __str__(self) -> str:
        return f"digest of {self.rule_id}"
