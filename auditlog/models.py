"""The append-only record of everything that happened, and the to-do list of what must be told.

Rows keep plain ids instead of foreign keys: they outlive what they speak of. Triggers in the
migrations refuse every UPDATE and DELETE but two: filling (seq, hash) once, when the chain is
sealed, and deleting while a Retention row opens the workspace's past.
"""

import uuid

from django.db import models

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import ScopedManager


class Event(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace_id = models.UUIDField(null=True)
    at = models.DateTimeField(default=clock.now)
    kind = models.CharField(max_length=64)
    severity = models.CharField(max_length=16)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254, blank=True)
    actor_ip = models.GenericIPAddressField(null=True)
    domain_id = models.UUIDField(null=True)
    domain_label = models.CharField(max_length=300, blank=True)
    run_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    seq = models.BigIntegerField(null=True)
    hash = models.CharField(max_length=64, null=True)  # noqa: DJ001  (null means: not sealed yet)

    unscoped = models.Manager["Event"]()
    objects = ScopedManager["Event"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "seq"], condition=models.Q(seq__isnull=False), name="event_once_in_chain"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace_id", "at", "id"], condition=models.Q(seq=None), name="event_unsealed"),
            # Kind and severity stand at its end, so that a filter by them skips rows within the index alone.
            models.Index(fields=["workspace_id", "-at", "-id", "kind", "severity"], name="event_feed"),
            models.Index(fields=["domain_id", "-at", "-id"], name="event_domain_at"),
            models.Index(fields=["run_id"], name="event_run"),
            # What the Audit logs page filters by; each row is found without walking over the others.
            models.Index(fields=["workspace_id", "kind", "-at", "-id"], name="event_kind_at"),
            models.Index(fields=["workspace_id", "actor_label", "-at", "-id"], name="event_actor_at"),
            models.Index(
                fields=["workspace_id", "severity", "-at", "-id"],
                condition=~models.Q(severity="info"),
                name="event_severity_at",
            ),
            # A day's invitation mails are counted before each; they are few among the events.
            models.Index(
                fields=["-at"],
                condition=models.Q(kind__in=["member.invited", "member.invited_again"]),
                name="event_invited",
            ),
            # What one person did, for their own copy of it and for limits per person; workers write no such row.
            models.Index(
                fields=["actor_id", "-at", "-id"], name="event_person_at", condition=models.Q(actor_kind="user")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M:%S}"


class Seal(models.Model):
    """Events `first` to `last` of a workspace's chain, sealed together; `hash` is the chain's head after them.

    It says how many there must be even when rows are gone. The nil UUID stands for events of no workspace. Triggers
    refuse to change it, and to delete it but through a Retention row.
    """

    workspace_id = models.UUIDField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            # Of two sealers at once, the second finds its place taken.
            models.UniqueConstraint(fields=["workspace_id", "first"], name="seal_place_unique"),
        ]
        indexes = [models.Index(fields=["workspace_id", "-sealed_at"], name="seal_sealed_at")]

    def __str__(self) -> str:
        return f"{self.first}-{self.last} {self.hash[:12]}"


class Retention(models.Model):
    """While a row stands, events of its workspace older than `before` may be deleted.

    The nil UUID stands for events that belong to no workspace.
    """

    workspace_id = models.UUIDField(unique=True)
    before = models.DateTimeField()


class Keeping(models.Model):
    """How many days a workspace keeps its events; without a row, for ever."""

    workspace_id = models.UUIDField(primary_key=True)
    days = models.PositiveIntegerField()


class Archive(models.Model):
    """Events `first` to `last` of a workspace's chain, which its log no longer holds; the chain goes on after `hash`.

    `content` is gzipped JSON, an event on each line, and empty once its own time is over; the rest stays, since the
    chain begins there.
    """

    workspace_id = models.UUIDField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    content = models.BinaryField()
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "first"], name="archive_place_unique")]

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


class PendingReaction(LeasedJob):
    """Somebody must be told about this event; made in its transaction, drained by notifications."""

    event = models.OneToOneField(Event, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False)
    is_done = models.BooleanField(default=False)

    class Meta:
        indexes = [due_index("auditlog_reaction_due")]
