"""Work over many domains that a person asked for at once: an import, or a bulk action of the list."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from auditlog.events import Actor
from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


class BatchKind(models.TextChoices):
    IMPORT = "import", "Add domains"
    CHECK = "check", "Check now"
    TAG = "tag", "Add tag"
    UNTAG = "untag", "Remove tag"
    DELETE = "delete", "Delete domains"


class BatchState(models.TextChoices):
    """A draft waits for its confirmation and has changed nothing."""

    DRAFT = "draft"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


class LineState(models.TextChoices):
    """What becomes of one line: `waiting` is still to be done; `failed` was to be done, and then could not."""

    WAITING = "waiting"
    DONE = "done"
    WATCHED = "watched"
    TWICE = "twice"
    REFUSED = "refused"
    FAILED = "failed"


class Batch(OwnedModel, LeasedJob):
    """The job, and what its page shows. Its lines say what is to be done and what became of it.

    `asked_by` is who asked, as events name them; `made_by` is the person behind, whose rights are asked
    again while it runs. `back` is the query of the list that the person came from. `run_after` of a draft and
    of one that has ended is the moment at which the row goes away.
    """

    kind = models.CharField(max_length=16, choices=BatchKind.choices)
    state = models.CharField(max_length=16, choices=BatchState.choices, default=BatchState.DRAFT)
    tag = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=100, blank=True)
    back = models.CharField(max_length=1000, blank=True)
    total = models.PositiveIntegerField(default=0)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_by = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    begun_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "batches"
        indexes: ClassVar = [
            due_index("domains_batch_due"),
            models.Index(fields=["workspace", "state", "-created_at"], name="batch_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.total} lines"

    @property
    def actor(self) -> Actor:
        return Actor(**self.asked_by) if self.asked_by else Actor("system", label="ManageMyCert")


class BatchLine(OwnedModel):
    """One line. `given` are the cells of an import as they were written; `label` is the name to show.

    `code` and `params` say in the catalogue's words why it was not, or will not be, done. `domain_id` is the
    domain that it is about, or that it became; a plain id, since lines outlive domains.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()
    label = models.CharField(max_length=300, blank=True)
    given = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=16, choices=LineState.choices, default=LineState.WAITING)
    code = models.CharField(max_length=64, blank=True)
    params = models.JSONField(default=dict, blank=True)
    domain_id = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["batch", "number"], name="batch_line_unique")]
        indexes: ClassVar = [models.Index(fields=["batch", "state", "number"], name="batch_line_state")]

    def __str__(self) -> str:
        return f"{self.number}: {self.label}"
