"""Where messages go: each kind one file, all of them listed here, filled when the app is ready."""

from notifications.gateways import email, slack, sms_rest, sms_twilio, teams, webhook
from notifications.gateways.kind import GatewayKind, kinds, register

__all__ = ["GatewayKind", "kinds"]

for each in (email, slack, teams, sms_twilio, sms_rest, webhook):
    register(each.KIND)
