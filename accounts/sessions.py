"""Sessions in the database under a hash of their key: a copy of the table signs nobody in.

The cookie holds the key itself, which has 160 random bits, so a plain SHA-256 is enough.
"""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

# As long as Django's column; what is cut off leaves 160 bits.
DIGITS = 40


def stored_key(key: str) -> str:
    """What the table knows of a session key."""
    return hashlib.sha256(key.encode()).hexdigest()[:DIGITS]


class SessionStore(db.SessionStore):
    """Django's database sessions, with every look-up and every write by the hash."""

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        live = self.model.objects.filter(expire_date__gt=timezone.now())
        found: AbstractBaseSession | None = live.filter(session_key=stored_key(self.session_key or "")).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored_key(key))
