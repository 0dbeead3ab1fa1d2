"""Registers this room's job kinds."""

from datetime import timedelta

from auditlog.models import PendingReaction
from config.lib.jobs import Kind, register
from notifications import deliveries, reactions
from notifications.models import Delivery

register(
    Kind(
        name="reaction",
        model=PendingReaction,
        work=reactions.react_to_events,
        give_up=reactions.give_up_reaction,
        batch=20,
    )
)
register(
    Kind(
        name="delivery",
        model=Delivery,
        work=deliveries.send_deliveries,
        give_up=deliveries.give_up_delivery,
        lease=timedelta(seconds=deliveries.LEASE_SECONDS),
    )
)
