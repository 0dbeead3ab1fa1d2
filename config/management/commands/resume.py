"""`manage.py resume`: the word that a restored portal waits for."""

from typing import Any

from django.core.management.base import BaseCommand

from config.due import due_in_words
from config.pausing import end_pause


class Command(BaseCommand):
    help = "End the pause that `restore` begins: workers take up what is due. Repeatable."

    def handle(self, *args: Any, **options: Any) -> None:
        waiting = due_in_words()
        if not end_pause():
            self.stdout.write("The portal was not paused.")
            return
        self.stdout.write(f"Resumed. Workers take up what is due within 15 seconds: {waiting}.")
