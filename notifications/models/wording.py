"""What a message says, in a workspace's own words."""

from typing import ClassVar

from django.db import models

from config.lib import clock
from config.lib.scoping import OwnedModel


class AlertTemplate(OwnedModel):
    """Subject and body for one channel, with `{{variables}}`; channels without a subject ignore it."""

    channel = models.CharField(max_length=16)
    name = models.CharField(max_length=80)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(max_length=4000)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "channel", "name"], name="alert_template_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name
