"""The rules that a workspace begins with."""

from accounts.models import Workspace
from notifications.models import Channel, Rule, Trigger

DAYS = (30, 14, 7)


def make_default_rules(workspace: Workspace) -> None:
    """By mail to the admins; scaled by lifetime and silent about what renews itself. In the caller's transaction."""
    Rule.unscoped.bulk_create(
        [
            Rule(
                workspace=workspace,
                name=f"{days} days before expiry",
                trigger=Trigger.EXPIRY,
                channel=Channel.EMAIL,
                days_before_expiry=days,
                is_default=True,
            )
            for days in DAYS
        ]
    )
