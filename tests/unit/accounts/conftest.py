"""Fixtures about people."""

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from tests.servers.google import Signer, key_server
from tests.unit.accounts.google import Browser, Google


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer("first")


@pytest.fixture
def google(signer: Signer, settings: Any) -> Iterator[Google]:
    """A Google on loopback, whose keys the portal fetches through its one door."""
    cache.clear()
    settings.EGRESS_ALLOW_CIDRS = (ipaddress.ip_network("127.0.0.0/8"),)
    with key_server(signer) as server:
        settings.GOOGLE_CERTS_URL = server.url
        yield Google(signer, server)


@pytest.fixture
def browser(google: Google) -> Browser:
    return Browser()
