"""Where Google's keys come from decides who is signed in, so it is not left to plain http."""

import os
import subprocess
import sys

import pytest
from django.conf import settings


def start(url: str) -> subprocess.CompletedProcess[str]:
    """Read the settings as a process of the portal does."""
    env = {**os.environ, "GOOGLE_CERTS_URL": url}
    command = [sys.executable, "-c", "import config.settings as read; print(read.GOOGLE_CERTS_URL)"]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("url", ["http://keys.example/certs", "ftp://127.0.0.1/certs", "keys.example/certs"])
def test_keys_over_an_open_line_stop_the_start(url: str) -> None:
    stopped = start(url)
    assert stopped.returncode == 1
    assert "GOOGLE_CERTS_URL" in stopped.stderr


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("", "https://www.googleapis.com/oauth2/v1/certs"),
        ("https://keys.example/certs", "https://keys.example/certs"),
        ("http://127.0.0.1:8080/certs", "http://127.0.0.1:8080/certs"),
    ],
)
def test_https_and_loopback_are_taken(url: str, read: str) -> None:
    assert start(url).stdout.strip() == read
