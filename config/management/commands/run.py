"""The portal for real use: web, workers and beat under one command."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from config.pausing import current_pause
from config.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run the whole portal (web, workers, beat); Ctrl-C or SIGTERM stops all of it."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if pause := current_pause():
            self._say(f"The portal is {pause}. It serves, and begins nothing until: manage.py resume")
        Supervisor(self._say).run()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
