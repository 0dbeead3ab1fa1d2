"""Start-up checks of this room."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register
def payments_are_heard_of(**_: Any) -> list[checks.CheckMessage]:
    """Without the webhook's secret payments are found by asking alone, which is slower."""
    if not settings.STRIPE_SECRET_KEY or settings.STRIPE_WEBHOOK_SECRET:
        return []
    return [
        checks.Warning(
            "STRIPE_SECRET_KEY is set, and STRIPE_WEBHOOK_SECRET is not: refunds and disputes are found an hour late.",
            hint="Add an endpoint for /billing/webhook at Stripe, and set its signing secret.",
            id="billing.W001",
        )
    ]


@checks.register
def keys_are_of_one_mode(**_: Any) -> list[checks.CheckMessage]:
    modes = {_mode(key) for key in (settings.STRIPE_SECRET_KEY, settings.STRIPE_PUBLISHABLE_KEY) if key}
    found: list[checks.CheckMessage] = []
    if len(modes) > 1:
        found.append(
            checks.Error("STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY are of different modes.", id="billing.E001")
        )
    if settings.DEBUG and "live" in modes:
        found.append(checks.Error("A live key of Stripe's is set together with DEBUG.", id="billing.E002"))
    return found


def _mode(key: str) -> str:
    return "live" if "_live_" in key else "test"
