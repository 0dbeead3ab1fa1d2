"""Where messages go: each kind one file, all of them listed here, filled when the app is ready."""

from notifications.gateways import webhook
from notifications.gateways.kind import GatewayKind, kinds, register

__all__ = ["GatewayKind", "kinds"]

for each in (webhook,):
    register(each.KIND)
