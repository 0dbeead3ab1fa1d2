"""ACME_EMAIL is where a CA would write to: an address of the documentation's stops the start."""

import os
import subprocess
import sys

import pytest
from django.conf import settings


def start(address: str) -> subprocess.CompletedProcess[str]:
    """Read the settings as a process of the portal does."""
    env = {**os.environ, "ACME_EMAIL": address}
    command = [sys.executable, "-c", "import config.settings as read; print(repr(read.ACME_EMAIL))"]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    "address", ["you@example.com", "you@example.net", "You@Example.ORG", "ops@mail.example.com", "ops@example.com."]
)
def test_a_mailbox_of_nobody_stops_the_start(address: str) -> None:
    stopped = start(address)
    assert stopped.returncode == 1
    assert "ACME_EMAIL must be a real contact mailbox" in stopped.stderr


@pytest.mark.parametrize("address", ["", "ops@myexample.com", "ops@example.com.acme-tools.net", "ops@example.io"])
def test_any_other_and_none_are_taken(address: str) -> None:
    assert start(address).stdout.strip() == repr(address)
