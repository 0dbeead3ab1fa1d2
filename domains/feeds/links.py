"""Links of feeds: made, shown once, replaced, revoked, found again by their secret."""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts.models import User, Workspace
from auditlog.events import Actor, record
from config.lib import clock
from config.lib.errors import NeedsUser
from domains.add import parse_tags
from domains.models import Feed, FeedKind

# Scanners for leaked secrets, and our own log's redactor, recognise it.
PREFIX = "mmcf_"
SHOWN = 12
FEEDS_AT_MOST = 50
# Calendars and pages ask all day; the list need not know it to the minute.
LAST_USED_EVERY = timedelta(hours=1)


def feeds_of(workspace: Workspace) -> QuerySet[Feed]:
    return Feed.objects.for_workspace(workspace)


def make_feed(
    *, workspace: Workspace, actor: Actor, kind: str, name: str, tag: str = "", user: User | None = None
) -> tuple[Feed, str]:
    """The row and its link, which is kept nowhere. Raises NeedsUser: feeds_full, tag_malformed."""
    tags = parse_tags([tag])
    secret = _new_secret()
    with transaction.atomic():
        # One at a time, or the limit would be none.
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        if feeds_of(workspace).count() >= FEEDS_AT_MOST:
            raise NeedsUser("feeds_full", most=FEEDS_AT_MOST)
        feed = Feed.unscoped.create(
            workspace=workspace,
            kind=kind,
            name=name,
            tag="".join(tags),
            prefix=secret[:SHOWN],
            digest=_digest(secret),
            created_by=user,
        )
        _record("feed.created", feed, actor)
    return feed, link_of(feed, secret)


def renew_feed(*, feed: Feed, actor: Actor) -> str:
    """Another link for the same feed; the one before is dead at once."""
    secret = _new_secret()
    changed = {"digest": _digest(secret), "prefix": secret[:SHOWN], "last_used_at": None}
    with transaction.atomic():
        Feed.unscoped.filter(pk=feed.pk).update(**changed)
        feed.refresh_from_db()
        _record("feed.renewed", feed, actor)
    return link_of(feed, secret)


def revoke_feed(*, feed: Feed, actor: Actor) -> None:
    """At once and for good; repeatable."""
    with transaction.atomic():
        if Feed.unscoped.filter(pk=feed.pk).delete()[0]:
            _record("feed.revoked", feed, actor)


def find_feed(kind: str, secret: str) -> Feed | None:
    """The live feed of this kind with this secret, with its workspace; everything else is None."""
    if not secret.startswith(PREFIX):
        return None
    rows = Feed.unscoped.select_related("workspace")  # unscoped: the digest alone says whose it is
    return rows.filter(digest=_digest(secret), kind=kind, workspace__closing_at=None).first()


def note_use(feed: Feed) -> None:
    """Written at most once an hour, whoever asks at the same time."""
    now = clock.now()
    is_old = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_EVERY)
    if feed.last_used_at is None or now - feed.last_used_at > LAST_USED_EVERY:
        Feed.unscoped.filter(is_old, pk=feed.pk).update(last_used_at=now)


def link_of(feed: Feed, secret: str) -> str:
    """The whole address, as it is pasted elsewhere."""
    path = reverse(f"domains:feed-{feed.kind}", args=[secret])
    return f"{settings.SITE_URL}{path}"


def _record(kind: str, feed: Feed, actor: Actor) -> None:
    data = {"what": FeedKind(feed.kind).label.lower(), "name": feed.name, "prefix": feed.prefix, "tag": feed.tag}
    record(kind, workspace_id=feed.workspace_id, actor=actor, data=data)


def _new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _digest(secret: str) -> str:
    """SHA-256 suffices: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
