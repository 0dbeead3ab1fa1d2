"""Sessions in the database under a hash of their key: a copy of the table signs nobody in.

The cookie holds the key itself, which has 160 random bits, so a plain SHA-256 is enough. A session
ends IDLE after it was last seen, and LIFE after the sign-in whatever happens.
"""

import hashlib
from datetime import timedelta
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.chores import forget_some
from accounts.models import Session, User
from auditlog.events import Actor, record
from config.lib import clock

# As long as Django's column; what is cut off leaves 160 bits.
DIGITS = 40
LIFE = timedelta(days=7)
IDLE = timedelta(hours=12)
# Writing down every look would make each page a write.
SEEN_EVERY = timedelta(minutes=5)
# Where in the session's data the browser is written down that signed in.
FROM = "signed_in_from"


def stored_key(key: str) -> str:
    """What the table knows of a session key."""
    return hashlib.sha256(key.encode()).hexdigest()[:DIGITS]


def note_browser(request: HttpRequest, ip: str | None) -> None:
    """Write down where a sign-in came from, for the list of sessions."""
    agent = request.headers.get("User-Agent", "").replace("\0", "")[:300]
    request.session[FROM] = {"ip": ip, "user_agent": agent}


def live_sessions(user: User) -> QuerySet[Session]:
    """The sessions that still sign `user` in, the one seen last first."""
    return _live().filter(user=user).order_by("-seen_at")


def end_sessions(*, user: User, actor: Actor, keys: list[str] | None = None, but: str | None = None) -> int:
    """End the sessions of `user` with these stored keys, or all but the one with `but`; how many there were."""
    rows = live_sessions(user)
    rows = rows.exclude(session_key=but) if keys is None else rows.filter(session_key__in=keys)
    with transaction.atomic():
        ended: int = Session.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).delete()[0]
        if ended:
            words = "1 session" if ended == 1 else f"{ended} sessions"
            record("user.sessions_ended", workspace_id=None, actor=actor, data={"count": words, "email": user.email})
    return ended


def forget_old_sessions() -> bool:
    """Remove some of the rows whose LIFE is over; whether more are there. Repeatable."""
    return forget_some(Session.objects.filter(created_at__lt=clock.now() - LIFE).order_by("created_at"))


def _live() -> QuerySet[Session]:
    now = clock.now()
    return Session.objects.filter(expire_date__gt=now, created_at__gt=now - LIFE, seen_at__gt=now - IDLE)


class SessionStore(db.SessionStore):
    """Django's database sessions, with every look-up and every write by the hash."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        found = _live().filter(session_key=stored_key(self.session_key or "")).first()
        if found is None:
            self._session_key = None
        elif clock.now() - found.seen_at > SEEN_EVERY:
            Session.objects.filter(pk=found.pk).update(seen_at=clock.now())
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = cast(Session, super().create_model_instance(data))
        row.session_key = stored_key(row.session_key)
        row.user_id = data.get(SESSION_KEY)
        row.ip = data.get(FROM, {}).get("ip")
        row.user_agent = data.get(FROM, {}).get("user_agent", "")
        return row

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored_key(key))
