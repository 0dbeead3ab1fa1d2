"""Start-up checks of this room."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register
def nothing_is_charged(**_: Any) -> list[checks.CheckMessage]:
    """An operator who set a Stripe key expects to be paid."""
    if not settings.STRIPE_SECRET_KEY:
        return []
    return [
        checks.Warning(
            "STRIPE_SECRET_KEY is set, but this version charges nothing: every run is free.",
            hint="Unset STRIPE_SECRET_KEY.",
            id="billing.W001",
        )
    ]
