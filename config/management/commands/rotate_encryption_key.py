"""`manage.py rotate_encryption_key`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.lib.sealed import fingerprints
from config.rotating import RESEALED, reseal_everything
from config.sealed_places import UNREADABLE, count_by_key


class Command(BaseCommand):
    help = (
        "Seal with SECRETS_ENCRYPTION_KEY what one of SECRETS_ENCRYPTION_KEYS_OLD still opens, while the portal runs."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        current, *old = fingerprints()
        done = reseal_everything(self.stdout.write)
        left = count_by_key()
        behind = sum(left[name] for name in old)
        self.stdout.write(f"{done[RESEALED]} values resealed; {left[current]} are under the current key ({current}).")
        if behind:
            raise CommandError(
                f"{behind} are under an old key: a process still seals with it. Restart all of them with the new "
                "SECRETS_ENCRYPTION_KEY, then run this again. Keep SECRETS_ENCRYPTION_KEYS_OLD until then."
            )
        if left[UNREADABLE]:
            raise CommandError(
                f"{left[UNREADABLE]} open with none of your keys. Add the key of their time to "
                "SECRETS_ENCRYPTION_KEYS_OLD and run this again."
            )
        self.stdout.write("Nothing needs an old key any more: take SECRETS_ENCRYPTION_KEYS_OLD away and restart.")
        if old:
            self.stdout.write("Keep the old keys as long as you keep backups that were made before.")
