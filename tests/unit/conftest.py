"""Unit tests reach nothing beyond this machine."""

import pytest
from pytest_socket import socket_allow_hosts

# The second one stands for a machine with more than one address.
LOOPBACK = ["127.0.0.1", "127.0.0.77", "::1", "localhost"]


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    """Loopback stays open for canary listeners and for the PostgreSQL run of the suite."""
    socket_allow_hosts(LOOPBACK, allow_unix_socket=True)
