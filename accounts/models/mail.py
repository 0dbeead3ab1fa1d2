"""The outbox of the platform's own mail."""

import uuid

from django.db import models

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.sealed import SealedField


class PlatformMail(LeasedJob):
    """The outbox of the platform's own mail: a template's name and its sealed context, rendered at sending.

    Contexts hold links that let people in, hence sealed.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    to = models.EmailField()
    template = models.CharField(max_length=80)
    sealed_context = SealedField(purpose="platform_mail_context", workspace_attr=None)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [due_index("accounts_mail_due")]

    def __str__(self) -> str:
        return f"{self.template} {self.state}"
