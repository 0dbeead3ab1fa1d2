"""Registers this room's job kinds."""

from auditlog.models import PendingReaction
from config.lib.jobs import Kind, register
from config.lib.later import later
from notifications.models import Delivery

register(
    Kind(
        name="reaction",
        model=PendingReaction,
        work=later("notifications.reactions.react_to_events"),
        give_up=later("notifications.reactions.give_up_reaction"),
        batch=20,
    )
)
register(
    Kind(
        name="delivery",
        model=Delivery,
        work=later("notifications.deliveries.send_deliveries"),
        give_up=later("notifications.deliveries.give_up_delivery"),
    )
)
