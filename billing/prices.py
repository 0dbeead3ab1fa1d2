"""Whether anything costs at all, and what."""

from django.conf import settings

from billing.models import Work

LEAST_TOP_UP_CENTS = 500
MOST_TOP_UP_CENTS = 100_000


def is_on() -> bool:
    """Without a key of Stripe's nothing costs, and nothing says that it could."""
    return bool(settings.STRIPE_SECRET_KEY)


def minimum_cents() -> int:
    """At least the dearest price: who has the minimum may begin anything."""
    return max(int(settings.BILLING_MIN_BALANCE * 100), *(price_of(work) for work in Work))


def price_of(work: str) -> int:
    prices = {
        Work.SSH: settings.BILLING_PRICE_SSH_CENTS,
        Work.PANEL: settings.BILLING_PRICE_PANEL_CENTS,
        Work.RENEW: settings.BILLING_PRICE_RENEW_CENTS,
    }
    return int(prices[Work(work)])
