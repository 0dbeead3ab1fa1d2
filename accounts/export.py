"""Everything that the portal knows of one person, as JSON, for that person."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q

from accounts.models import ApiToken, GoogleIdentity, Membership, User
from accounts.sessions import live_sessions
from auditlog.events import sentence
from auditlog.models import Event
from config.lib import clock

CHUNK = 500


def write_export(user: User) -> Iterator[str]:
    """The document in pieces: what somebody did over the years is read and sent bit by bit."""
    yield "{\n"
    for name, value in _facts(user).items():
        yield f"{_json(name)}: {_json(value)},\n"
    yield f"{_json('events')}: ["
    for number, event in enumerate(_events(user)):
        yield f"{',' if number else ''}\n{_json(event)}"
    yield "\n]\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def _facts(user: User) -> dict[str, Any]:
    return {
        "exported_at": clock.now(),
        "profile": _profile(user),
        "email_addresses": _rows(EmailAddress.objects.filter(user=user), "email", "verified", "primary"),
        "workspaces": _workspaces(user),
        "google_account": _rows(GoogleIdentity.objects.filter(user=user), "email", "sub", "linked_at", "last_used_at"),
        "second_factors": _rows(Authenticator.objects.filter(user=user), "type", "created_at", "last_used_at"),
        "sessions": _rows(live_sessions(user), "created_at", "seen_at", "ip", "user_agent"),
        "api_tokens": _tokens(user),
    }


def _rows(rows: Any, *columns: str) -> list[dict[str, Any]]:
    return list(rows.values(*columns))


def _profile(user: User) -> dict[str, Any]:
    return {
        "id": user.pk,
        "email": user.email,
        "signed_up_at": user.date_joined,
        "last_signed_in_at": user.last_login,
        "is_staff": user.is_staff,
        "has_password": user.has_usable_password(),
    }


def _workspaces(user: User) -> list[dict[str, Any]]:
    rows = Membership.objects.open().filter(user=user).select_related("workspace").order_by("created_at", "id")
    return [
        {"id": row.workspace_id, "name": row.workspace.name, "role": row.role, "joined_at": row.created_at}
        for row in rows
    ]


def _tokens(user: User) -> list[dict[str, Any]]:
    """Without what they hold: only a hash of that is kept, and it is nobody's business."""
    rows = ApiToken.unscoped.filter(made_by=user).order_by("created_at", "id")  # unscoped: one person's, wherever
    columns = ("name", "prefix", "role", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
    return _rows(rows, "workspace_id", *columns)


def _events(user: User) -> Iterable[dict[str, Any]]:
    """What this person and their API tokens did, newest first, wherever it was: by ids, so nobody else's."""
    tokens = ApiToken.unscoped.filter(made_by=user).values("pk")  # unscoped: one person's, wherever
    theirs = Q(actor_kind="user", actor_id=user.pk) | Q(actor_kind="token", actor_id__in=tokens)
    rows = Event.unscoped.filter(theirs).order_by("-at", "-id")
    for event in rows.iterator(chunk_size=CHUNK):
        yield {
            "at": event.at,
            "kind": event.kind,
            "said": sentence(event),
            "workspace_id": event.workspace_id,
            "ip": event.actor_ip,
            "about": event.domain_label,
            "data": event.data,
        }
