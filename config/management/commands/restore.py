"""`manage.py restore FILE`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from config.backup.making import restore_backup
from config.doctor.machine import running_here
from config.due import due_in_words


class Command(BaseCommand):
    help = "Put the database of a backup in this one's place. Nothing is begun until you say `manage.py resume`."
    # The database may be empty, of another release, or broken.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="an archive of `manage.py backup`")
        parser.add_argument("--replace", action="store_true", help="lose what the database holds now")

    def handle(self, *args: Any, **options: Any) -> None:
        if here := running_here():
            self.stderr.write(f"The portal runs here ({', '.join(here)}): what it has in hand will come to nothing.")
        restore_backup(options["file"], replaces=options["replace"], say=self.stdout.write)
        self.stdout.write(
            "Restored. Everybody has to sign in again. The portal is paused: it serves, and begins nothing by itself.\n"
            f"Waiting: {due_in_words()}.\n"
            "What has happened since the backup was made is not known here: mails may be sent and certificates ordered "
            "a second time. Look at it, then let it go on: manage.py resume"
        )
