"""What has to reach whom."""

from django.conf import settings
from django.db import models

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


class Delivery(LeasedJob, OwnedModel):
    """One message about one event to one person; written before it is sent, settled after.

    `dedup_key` makes a repeated reaction harmless; the row's id is the Message-ID, so that a mail
    that is sent twice, because a worker died in between, can be told from two mails. `last_answer` is what the
    server said last. The event is named by its plain id: it may be gone before this row is.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    event_id = models.UUIDField()
    event_kind = models.CharField(max_length=64)
    domain_label = models.CharField(max_length=300, blank=True)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    to = models.EmailField()
    dedup_key = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    subject = models.CharField(max_length=300, blank=True)
    last_answer = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            due_index("notifications_delivery_due"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="delivery_newest"),
            models.Index(fields=["event_id"], name="delivery_by_event"),
        ]

    def __str__(self) -> str:
        return f"{self.event_kind} to {self.to}: {self.state}"
