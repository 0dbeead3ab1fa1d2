"""What a gateway has opened elsewhere and is to close again."""

from typing import ClassVar

from django.db import models

from config.lib import clock
from config.lib.scoping import OwnedModel
from notifications.models.gateway import Gateway


class Ticket(OwnedModel):
    """One alert or ticket at the other side, for everything that is said about one thing.

    The row is there before the other side is asked; `ref`, what it calls the ticket, comes after. `thread` is the
    messages' `dedup_key`, `about` the type of the first one. `told_at` is the newest moment at which the cause was
    told to go on, `ended_at` when it ended since; `resolved_at` when the other side knew. While `busy_until` lies
    ahead one message is on its way to it.
    """

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="tickets")
    thread = models.CharField(max_length=64)
    about = models.CharField(max_length=64)
    domain_id = models.UUIDField(null=True, blank=True)
    ref = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=500, blank=True)
    told_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=500, blank=True)
    busy_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    opened_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["gateway", "thread"], condition=models.Q(resolved_at=None), name="ticket_open_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["workspace", "domain_id"], condition=models.Q(resolved_at=None), name="ticket_open_by_domain"
            ),
            models.Index(
                fields=["ended_at"],
                condition=models.Q(resolved_at=None, ended_at__isnull=False),
                name="ticket_left_open",
            ),
        ]

    def __str__(self) -> str:
        return self.ref or self.thread
