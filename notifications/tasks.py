"""Registers this room's job kinds."""

from datetime import timedelta

from accounts.chores import Routine, chores
from auditlog.models import PendingReaction
from config.lib.jobs import Kind, register
from config.lib.later import later
from notifications.models import Delivery, Digest, Watch

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
register(
    Kind(
        name="watch",
        model=Watch,
        work=later("notifications.rules.watching.watch_due"),
        give_up=later("notifications.rules.watching.give_up"),
        load=later("notifications.rules.watching.with_what_a_look_reads"),
        batch=200,
        lease=timedelta(seconds=120),
    )
)
register(
    Kind(
        name="digest",
        model=Digest,
        work=later("notifications.rules.digests.gather_due"),
        give_up=later("notifications.rules.digests.give_up"),
    )
)
chores.add(
    "missing watches", Routine(later("notifications.rules.watching.create_missing_watches"), timedelta(minutes=10))
)
chores.add("tickets left open", Routine(later("notifications.tickets.closing.tell_again"), timedelta(minutes=15)))
chores.add("old deliveries", Routine(later("notifications.forgetting.forget_old_deliveries"), timedelta(days=1)))
chores.add("old tickets", Routine(later("notifications.forgetting.forget_old_tickets"), timedelta(days=1)))
chores.add("worked reactions", Routine(later("notifications.forgetting.forget_reactions"), timedelta(days=1)))
chores.add("old alarms", Routine(later("notifications.rules.watching.forget_old_alarms"), timedelta(days=1)))
