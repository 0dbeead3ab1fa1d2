"""What has to reach whom: the outbox."""

from django.conf import settings
from django.db import models

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from notifications.models.gateway import Channel, Gateway
from notifications.models.rule import Rule


class Delivery(LeasedJob, OwnedModel):
    """One message to one place; written in the transaction of its cause, before it is sent, settled after.

    `dedup_key` makes a repeated cause harmless. The row's id is what the receiver may know a repetition by (the
    Message-ID of a mail, `webhook-id`): it is sent at least once. `message` is frozen when it is written
    (`notifications.message.Message`); empty where the platform's own mail about `event_id` is rendered when it is
    sent. `to` is an address or a number, empty for gateways that lead to one place. The event, the rule and the
    gateway may be gone before this row is. `wrote_at` is when the request had gone out without an answer: whoever
    takes it up again knows that it may have arrived.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    channel = models.CharField(max_length=16, default=Channel.EMAIL)
    gateway = models.ForeignKey(Gateway, null=True, blank=True, on_delete=models.SET_NULL, related_name="deliveries")
    rule = models.ForeignKey(Rule, null=True, blank=True, on_delete=models.SET_NULL, related_name="deliveries")
    message = models.JSONField(default=dict, blank=True)
    is_test = models.BooleanField(default=False)
    event_id = models.UUIDField(null=True, blank=True)
    event_kind = models.CharField(max_length=64)
    domain_id = models.UUIDField(null=True, blank=True)
    domain_label = models.CharField(max_length=300, blank=True)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    to = models.CharField(max_length=320, blank=True)
    dedup_key = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    subject = models.CharField(max_length=300, blank=True)
    last_answer = models.CharField(max_length=500, blank=True)
    wrote_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            due_index("notifications_delivery_due"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="delivery_newest"),
            models.Index(fields=["event_id"], name="delivery_by_event"),
            models.Index(fields=["gateway", "-created_at", "-id"], name="delivery_by_gateway"),
            models.Index(fields=["domain_id", "-created_at", "-id"], name="delivery_by_domain"),
            # What is old enough to be forgotten.
            models.Index(
                fields=["settled_at"], condition=models.Q(settled_at__isnull=False), name="delivery_by_settling"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_kind} to {self.to or self.channel}: {self.state}"
