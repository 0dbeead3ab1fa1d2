"""Write docs/errors.md from the error catalogues."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.lib.error_docs import error_docs
from config.lib.errors import catalogue


class Command(BaseCommand):
    help = "Write docs/errors.md from the error catalogues."

    def handle(self, *args: Any, **options: Any) -> None:
        entries = {code: catalogue.get(code) for code in catalogue.keys()}  # noqa: SIM118  (a registry, not a dict)
        path = settings.BASE_DIR / "docs" / "errors.md"
        path.write_text(error_docs(entries), encoding="utf-8")
        self.stdout.write(f"{len(entries)} codes in {path.name}")
