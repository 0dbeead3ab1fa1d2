"""Work is registered by its path: each must lead to a function, and none may be paid for at the start."""

import os
import subprocess
import sys

import pytest

from config.lib import later
from tests.servers.places import ROOT

# Each is dear, and needed by one kind of process at most.
DEAR = {"acme", "bs4", "httpcore", "josepy", "ninja", "paramiko", "pydantic", "reportlab", "requests", "stripe"}


@pytest.mark.parametrize("path", sorted(later.paths))
def test_what_is_called_later_is_there(path: str) -> None:
    assert callable(later._found(path))


def test_a_process_starts_without_what_only_some_of_them_need() -> None:
    script = "import django, sys; django.setup(); import config.celery; print(*sys.modules)"
    started = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert DEAR & set(started.stdout.split()) == set()
