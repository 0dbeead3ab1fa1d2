"""The room's tables; each module one concern."""

from notifications.models.delivery import Delivery
from notifications.models.gateway import Channel, Gateway
from notifications.models.rule import Alarm, Digest, Rule, Trigger, Watch
from notifications.models.ticket import Ticket
from notifications.models.wording import AlertTemplate

__all__ = ["Alarm", "AlertTemplate", "Channel", "Delivery", "Digest", "Gateway", "Rule", "Ticket", "Trigger", "Watch"]
