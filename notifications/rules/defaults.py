"""The rules that a workspace begins with."""

from accounts.models import Workspace
from notifications.models import Channel, Rule, Trigger

DAYS = (30, 14, 7)


def make_default_rules(workspace: Workspace) -> None:
    """By mail to the admins. In the caller's transaction.

    Before expiry scaled by lifetime and silent about what renews itself; of that what its next renewal will fail of.
    """
    by_mail = {"workspace": workspace, "channel": Channel.EMAIL}
    before_expiry = [
        Rule(
            **by_mail,
            name=f"{days} days before expiry",
            trigger=Trigger.EXPIRY,
            days_before_expiry=days,
            is_default=True,
        )
        for days in DAYS
    ]
    will_fail = Rule(**by_mail, name="The next renewal will fail", trigger=Trigger.READINESS)
    Rule.unscoped.bulk_create([*before_expiry, will_fail])
