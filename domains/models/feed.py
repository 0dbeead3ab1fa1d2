"""Links by which a workspace's certificates are seen without signing in."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from config.lib import clock
from config.lib.scoping import OwnedModel


class FeedKind(models.TextChoices):
    BADGE = "badge", "Badge"
    CALENDAR = "calendar", "Calendar"


class Feed(OwnedModel):
    """A link to a badge or a calendar, of all domains or of those with one tag; revoked: the row is gone.

    Only the SHA-256 of the link's secret is kept (it has 256 random bits), and `prefix`, its beginning, by which
    people tell links apart.
    """

    kind = models.CharField(max_length=16, choices=FeedKind.choices)
    name = models.CharField(max_length=80)
    tag = models.CharField(max_length=40, blank=True)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at", "-id"], name="feed_newest")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
