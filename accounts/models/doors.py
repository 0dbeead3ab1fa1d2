"""What lets people and scripts in: API tokens, Google accounts, browser sessions."""

import uuid
from typing import Any

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from accounts.models.people import Role, User
from config.lib import clock
from config.lib.scoping import OwnedModel


class ApiToken(OwnedModel):
    """`mmc_…`, shown once; only its SHA-256 is kept (the token itself has 256 random bits)."""

    name = models.CharField(max_length=80)
    role = models.CharField(max_length=16, choices=Role.choices)
    scopes = models.JSONField(default=list)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class GoogleIdentity(models.Model):
    """A Google account that signs its person in. Google's `sub` is the key; the address is only shown."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="google")
    sub = models.CharField(max_length=255, unique=True)
    email = models.EmailField()
    linked_at = models.DateTimeField(default=clock.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.email


class Session(AbstractBaseSession):
    """A browser's session, stored under a hash of its key (decision 8), with what its person is shown of it."""

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now, db_index=True)
    seen_at = models.DateTimeField(default=clock.now)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Django writes a whole new row over the old one at every change: its beginning stays."""
        if kwargs.get("force_update"):
            kwargs["update_fields"] = ["session_data", "expire_date", "user", "ip", "user_agent"]
        super().save(*args, **kwargs)
