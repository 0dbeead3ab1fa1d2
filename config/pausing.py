"""The brake of the whole portal: while it is on, nothing that is due is begun, by any process on any machine.

It is a row, so that it comes with a restored database and stands before the first worker looks at it, and part of
the claim's own statement, so that no claim slips through beside it.
"""

from django.db.models import Exists

from config.lib import jobs
from config.models import Pause

jobs.brakes.add("pause", lambda: Exists(Pause.objects.all()))


def current_pause() -> Pause | None:
    """The pause that stands, with since when and why."""
    return Pause.objects.first()


def end_pause() -> bool:
    """Let the workers begin again; False: they were not paused."""
    return bool(Pause.objects.all().delete()[0])
