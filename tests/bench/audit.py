"""The audit log with a long past: each filter's page, both exports, sealing and verifying, on both databases."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.bench.figures import Figure
from tests.servers.places import ROOT, private_directory
from tests.servers.postgres import postgres

EVENTS, STEPS = 1_000_000, 100_000
OPEN = {"DJANGO_SETTINGS_MODULE": "tests.settings", "REDIS_URL": "", "DATABASE_URL": ""}
# What each may be at most: name, key, unit, bound.
BOUNDS = (
    ("the slowest page of the audit log", "page_ms", "ms", 500.0),
    ("the newest page of the audit log", "newest_ms", "ms", 50.0),
    ("memory that the CSV takes", "csv_mb", "MB", 10.0),
    ("the CSV", "csv_cpu_s", "CPU s", 120.0),
    ("memory that the PDF takes", "pdf_mb", "MB", 80.0),
    ("the PDF of 50,000 lines", "pdf_cpu_s", "CPU s", 30.0),
    ("sealing", "seal_cpu_s", "CPU s", 150.0),
    ("verifying", "verify_cpu_s", "CPU s", 60.0),
)


def _auditor(settings: Mapping[str, str]) -> dict[str, Any]:
    """A process of ours that makes the past and measures; the JSON of its last line."""
    code = f"import django; django.setup(); from tests.bench import auditor; auditor.main({EVENTS}, {STEPS})"
    environment = {**os.environ, **OPEN, **settings}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def _figures(told: Mapping[str, Any], database: str) -> list[Figure]:
    note = f"{database}, {EVENTS:,} events, {STEPS:,} steps"
    return [
        Figure(f"{name}, {database}", told[key], unit, "at most", most, round(told[key] / most, 3), 1, note)
        for name, key, unit, most in BOUNDS
    ]


def measure() -> list[Figure]:
    with private_directory("audit") as place:
        small = _auditor({"DATABASE_URL": f"sqlite:///{place}/audit.sqlite3"})
    with postgres() as database:
        large = _auditor({"DATABASE_URL": database.create_database("audit")})
    return [*_figures(small, "SQLite"), *_figures(large, "PostgreSQL")]
