"""The portal for real use: web, workers and beat under one command."""

import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from config.pausing import current_pause
from config.supervisor import Supervisor


class Command(BaseCommand):
    requires_system_checks = ()  # Whoever migrates makes them.
    help = "Run the whole portal (web, workers, beat); Ctrl-C or SIGTERM stops all of it."

    def handle(self, *args: Any, **options: Any) -> None:
        self._migrate()
        call_command("collectstatic", interactive=False, verbosity=0)
        if pause := current_pause():
            self._say(f"The portal is {pause}. It serves, and begins nothing until: manage.py resume")
        Supervisor(self._say).run()

    def _migrate(self) -> None:
        """In a process that ends: what migrations and checks load, every page and the API, is 90 MB."""
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--noinput", "--verbosity", "0"]
        if status := subprocess.run(command, check=False).returncode:
            sys.exit(status)  # It has said why.

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
