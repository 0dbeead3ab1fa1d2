"""What the portal as a whole remembers about itself; no row belongs to a workspace."""

from django.db import models

from config.lib import clock


class Pause(models.Model):
    """While the one row stands, no worker begins anything: a restored database waits for a person's word."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    since = models.DateTimeField(default=clock.now)
    reason = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"paused since {self.since:%Y-%m-%d %H:%M} UTC: {self.reason}"


class Heartbeat(models.Model):
    """When beat's ring last came through Redis to a worker of this queue: one row each, written over."""

    queue = models.CharField(max_length=16, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.queue} at {self.at:%Y-%m-%d %H:%M:%S}"
