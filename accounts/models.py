"""People, workspaces and what lets them in."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from config.lib.sealed import SealedField


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})

    def find_verified(self, email: str) -> "User | None":
        """The one person who has proven to own this address."""
        return self.filter(emailaddress__email=email.strip().lower(), emailaddress__verified=True).first()


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by an e-mail address.

    Addresses are unique only once they are verified (allauth's EmailAddress keeps that): whoever signs
    up with a stranger's address gets an account of their own that may do nothing, the owner's sign-up
    still works, and neither learns of the other.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(db_index=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=clock.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.email


class Workspace(models.Model):
    """Owns everything. Names are labels: as typed, not unique, never matched to anything."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    is_personal = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)
    monitor_interval_minutes = models.PositiveIntegerField(
        default=15, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    alert_cooldown_hours = models.PositiveIntegerField(
        default=24, validators=[MinValueValidator(1), MaxValueValidator(720)]
    )
    delivery_retries = models.PositiveIntegerField(default=3, validators=[MaxValueValidator(10)])
    retry_delay_minutes = models.PositiveIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    time_zone = models.CharField(max_length=64, default="UTC")
    members: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        User, through="Membership", related_name="workspaces"
    )

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"


class Membership(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="membership_unique")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


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


class PlatformMail(LeasedJob):
    """The outbox of the platform's own mail: a template's name and its sealed context, rendered at sending.

    Contexts hold links that let people in, hence sealed.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    to = models.EmailField()
    template = models.CharField(max_length=80)
    sealed_context = SealedField(purpose="platform_mail_context", workspace_attr=None)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [due_index("accounts_mail_due")]

    def __str__(self) -> str:
        return f"{self.template} {self.state}"
