"""Registers this room's job kinds and chores."""

from datetime import timedelta

from accounts.chores import Routine, chores
from billing.models import OldCard, StripeEvent, TopUp
from config.lib.jobs import Kind, register
from config.lib.later import later

register(
    Kind(
        name="top_up",
        model=TopUp,
        work=later("billing.topups.work_top_ups"),
        give_up=later("billing.topups.give_up"),
        lease=timedelta(seconds=90),
    )
)
register(
    Kind(
        name="stripe_event",
        model=StripeEvent,
        work=later("billing.messages.work_events"),
        give_up=later("billing.messages.give_up"),
        lease=timedelta(seconds=90),
    )
)
register(
    Kind(
        name="old_card",
        model=OldCard,
        work=later("billing.old_cards.forget_old_cards"),
        give_up=later("billing.old_cards.give_up"),
    )
)
chores.add("lost messages of Stripe", Routine(later("billing.messages.find_lost"), timedelta(hours=1)))
chores.add("old messages of Stripe", Routine(later("billing.messages.forget_old"), timedelta(days=1)))
chores.add(
    "money set aside for work that is gone", Routine(later("billing.stale.release_stale_holds"), timedelta(hours=1))
)
chores.add("top-ups that were held back", Routine(later("billing.auto.retry_waiting"), timedelta(hours=1)))
