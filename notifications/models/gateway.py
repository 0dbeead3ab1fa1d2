"""Where messages go out."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from config.lib import clock
from config.lib.scoping import OwnedModel
from config.lib.sealed import SealedField


class Channel(models.TextChoices):
    """The names that rules, templates and the API use; each is one kind of gateway, in the module of its name."""

    EMAIL = "email", "Email"
    SLACK = "slack", "Slack"
    TEAMS = "teams", "Microsoft Teams"
    SMS_TWILIO = "sms_twilio", "SMS (Twilio)"
    SMS_REST = "sms_rest", "SMS (custom REST)"
    WEBHOOK = "webhook", "Webhook"
    OPSGENIE = "opsgenie", "Opsgenie / JSM"
    JIRA = "jira", "Jira"
    SERVICENOW = "servicenow", "ServiceNow"
    ZENDESK = "zendesk", "Zendesk"
    FRESHSERVICE = "freshservice", "Freshservice"
    ZOHO_DESK = "zoho_desk", "Zoho Desk"
    PAGERDUTY = "pagerduty", "PagerDuty"
    DISCORD = "discord", "Discord"
    TELEGRAM = "telegram", "Telegram"
    NTFY = "ntfy", "ntfy"


class Gateway(OwnedModel):
    """One connection of a workspace to a channel.

    `config` holds what may be shown, `sealed_secrets` a JSON object of what may not; which fields there are says
    the kind (`notifications.gateways`). `paused_at` is a person's doing, `disabled_code` ours: the other side
    refused for good. `last_answer` is what it said to the latest delivery.
    """

    channel = models.CharField(max_length=16)
    name = models.CharField(max_length=80)
    config = models.JSONField(default=dict, blank=True)
    sealed_secrets = SealedField(purpose="gateway_secrets", blank=True, default="")
    paused_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_code = models.CharField(max_length=64, blank=True)
    disabled_params = models.JSONField(default=dict, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    last_ok = models.BooleanField(null=True, blank=True)
    last_answer = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "channel", "name"], name="gateway_name_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.name}"

    @property
    def is_usable(self) -> bool:
        return self.paused_at is None and self.disabled_at is None
