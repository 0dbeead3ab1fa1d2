"""A workspace that pays, with Stripe's stand-in behind egress."""

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from tests.cast import Cast, make_cast
from tests.servers.stripe_api import KEY, SECRET, Stripe, stripe_server


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def billing_on(settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = KEY, SECRET
    settings.BILLING_PRICE_SSH_CENTS = 5


@pytest.fixture
def there(settings: Settings, billing_on: None) -> Iterator[Stripe]:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    with stripe_server() as server:
        settings.STRIPE_API_BASE = server.url
        yield server
