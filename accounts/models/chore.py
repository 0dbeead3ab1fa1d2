"""What has to be done again and again for nobody in particular."""

from django.db import models

from config.lib.jobs import LeasedJob, due_index


class Chore(LeasedJob):
    """One row per chore of accounts.chores; `run_after` is when it is next due."""

    name = models.CharField(max_length=40, primary_key=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [due_index("accounts_chore_due")]

    def __str__(self) -> str:
        return self.name
