"""Where messages go: each channel's kind is in the module of its name."""

from importlib import import_module

from notifications.gateways.kind import GatewayKind, kinds, register
from notifications.models import Channel

__all__ = ["GatewayKind", "kinds"]

for channel in Channel:
    register(import_module(f"notifications.gateways.{channel.value}").KIND)
