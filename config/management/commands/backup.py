"""`manage.py backup FILE`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from config.backup.making import make_backup
from config.sealed_places import UNREADABLE


class Command(BaseCommand):
    help = "Write the whole database into FILE, readable by you alone, while the portal runs. The keys are not in it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the archive; one of that name is replaced by the new one")

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["file"]
        manifest = make_backup(target)
        keys = {name: count for name, count in manifest.keys.items() if name != UNREADABLE}
        self.stdout.write(f"{target}: {target.stat().st_size} bytes, {sum(keys.values())} sealed secrets.")
        if UNREADABLE in manifest.keys:
            self.stderr.write(f"{manifest.keys[UNREADABLE]} secrets open with none of your keys; see manage.py doctor.")
        self.stdout.write(
            "SECRETS_ENCRYPTION_KEY is not in it, and without that key nobody can open the secrets: keep a copy of the "
            f"key in another place than the backups (its name: {', '.join(sorted(keys)) or 'none is needed yet'})."
        )
