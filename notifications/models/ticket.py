"""What a gateway has opened elsewhere and is to close again."""

from typing import ClassVar

from django.db import models

from config.lib import clock
from config.lib.scoping import OwnedModel
from notifications.models.gateway import Gateway


class Ticket(OwnedModel):
    """One alert or ticket at the other side, for everything that is said about one thing.

    The row is there before the other side is asked; `ref`, what it calls the ticket, comes after. `thread` is the
    messages' `dedup_key`, `about` the type of the first one.
    """

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="tickets")
    thread = models.CharField(max_length=64)
    about = models.CharField(max_length=64)
    domain_id = models.UUIDField(null=True, blank=True)
    ref = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=500, blank=True)
    # Which delivery opens it, and when that was last tried: no two do at once.
    opener = models.UUIDField()
    tried_at = models.DateTimeField(default=clock.now)
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
            )
        ]

    def __str__(self) -> str:
        return self.ref or self.thread
