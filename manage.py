#!/usr/bin/env python
"""Command line of the portal; `manage.py help` lists the commands."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

from config.first_start import write_missing_keys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["run"]:
        # Before Django reads the settings, which do without neither key.
        written = write_missing_keys(Path(__file__).resolve().parent / ".env")
        if written:
            sys.stdout.write(f"First start: wrote {' and '.join(written)} to .env (keep a copy in a safe place).\n")
    execute_from_command_line(sys.argv)
