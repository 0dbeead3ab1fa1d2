"""Deleting a workspace: asking for it, and what the rooms add to it. The worker's side is taking_apart.py."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count
from django.urls import reverse

from accounts.members import admins_to_tell
from accounts.models import ApiToken, Membership, User, Workspace, WorkspaceClosing
from accounts.outbox import queue_mail
from auditlog.events import Actor, record
from config.lib import clock, jobs
from config.lib.registry import Registry

KIND = "workspace_closing"
LEASE_SECONDS = 120
# Requests that came in before the door was shut end within it: what they write last is removed too.
GRACE = timedelta(seconds=30)


@dataclass(frozen=True)
class Content:
    """Something in a workspace that people know by a word: `1 domain`, `{} domains`. `model` has a workspace_id."""

    model: type[models.Model]
    one: str
    many: str
    position: int

    def words(self, count: int) -> str:
        return self.one if count == 1 else self.many.format(count)


# What is shown before it is destroyed, and told once it is.
contents: Registry[Content] = Registry("contents of a workspace")
contents.add("tokens", Content(ApiToken, "1 API token", "{} API tokens", 40))
contents.add("people", Content(Membership, "the access of 1 person", "the access of {} people", 50))


@dataclass(frozen=True)
class Settling:
    """What a closing step is given. `hold` keeps the job's lease: call it before each remote call."""

    workspace_id: uuid.UUID
    is_last: bool
    hold: Callable[[], None]


# What a room has to settle with the outside before its rows go. Called by a worker with no transaction open,
# again after a crash anywhere in it, and again after a Transient for up to three days; `is_last` says that
# this is the end of it. Answers what had to be left undone, one line each.
type Settle = Callable[[Settling], list[str]]
closing_steps: Registry[Settle] = Registry("closing steps")


def contents_of(*workspaces: uuid.UUID) -> dict[uuid.UUID, list[str]]:
    """What each of them holds, as `12 domains`; a query per kind of content, however many they are."""
    told: dict[uuid.UUID, list[str]] = {key: [] for key in workspaces}
    for content in _in_order():
        rows = jobs.rows_of(content.model).filter(workspace_id__in=workspaces).order_by()
        for row in rows.values("workspace_id").annotate(count=Count("pk")):
            told[row["workspace_id"]].append(content.words(row["count"]))
    return told


def in_words(counts: Mapping[str, int]) -> list[str]:
    """Counts by model label as `contents_of` puts it."""
    found = [(content, counts.get(content.model._meta.label, 0)) for content in _in_order()]
    return [content.words(count) for content, count in found if count]


def _in_order() -> list[Content]:
    return sorted(contents, key=lambda content: content.position)


def close_workspace(*, workspace: Workspace, actor: Actor, tell: bool = True) -> None:
    """From now on the workspace is there for nobody, and a worker takes it apart. Repeatable; never undone.

    `tell` False: whoever there is to be told has another mail about it.
    """
    with transaction.atomic():
        row = Workspace.objects.select_for_update().filter(pk=workspace.pk, closing_at=None).first()
        if row is None:
            return
        now = clock.now()
        Workspace.objects.filter(pk=row.pk).update(closing_at=now)
        WorkspaceClosing.objects.create(
            workspace_id=row.pk, workspace_name=row.name, asked_by=actor.label, run_after=now + GRACE
        )
        held = contents_of(row.pk)[row.pk]
        record("workspace.closing", workspace_id=row.pk, actor=actor, data={"name": row.name, "contents": held})
        if tell:
            _tell_asked(row, held, actor)
        jobs.ring(KIND, after=GRACE)


def _tell_asked(workspace: Workspace, held: list[str], actor: Actor) -> None:
    for admin in admins_to_tell(workspace.pk):
        is_you = admin.pk == actor.id
        told = {"workspace": workspace.name, "asked_by": actor.label, "is_you": is_you, "contents": held}
        page = reverse("account_reset_password") if is_you else reverse("accounts:home")
        queue_mail(to=admin.email, template="workspace_closing", context={**told, "action_url": _link(page)})


def tell_closed(admins: list[User], *, name: str, removed: list[str], left: list[str]) -> None:
    """The mail to those who were admins until now; inside the transaction that ends the workspace."""
    told = {"workspace": name, "removed": removed, "left": left, "action_url": _link(reverse("accounts:home"))}
    for admin in admins:
        queue_mail(to=admin.email, template="workspace_closed", context=told)


def _link(page: str) -> str:
    return f"{settings.SITE_URL}{page}"
