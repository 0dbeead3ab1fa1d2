"""Whether the audit log is as it was written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from auditlog.models import Event
from auditlog.pages.sealing import verify


class Command(BaseCommand):
    help = "Check the chain of the audit log; name the first row of each workspace that was altered or taken out."

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status 0 when all is whole, else 1."""
        broken = [str(one) for one in verify()]
        if broken:
            raise CommandError("The audit log is not as it was written.\n" + "\n".join(broken))
        count = Event.unscoped.filter(seq__isnull=False).count()
        waiting = Event.unscoped.filter(seq=None).count()
        self.stdout.write(f"The audit log is whole: {count} entries, {waiting} not sealed yet.")
