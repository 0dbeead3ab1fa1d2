"""People, workspaces and who belongs where."""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


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
    """Owns everything. Names are labels: as typed, not unique, never matched to anything.

    `closing_at` is when somebody asked to delete it: from then on it is not there for anybody (404), and a
    WorkspaceClosing takes it apart.
    """

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
    requires_mfa = models.BooleanField(default=False)
    closing_at = models.DateTimeField(null=True, blank=True)
    members: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        User, through="Membership", related_name="workspaces"
    )

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"


class MembershipManager(models.Manager["Membership"]):
    def open(self) -> models.QuerySet["Membership"]:
        """Those that let somebody in: a workspace that is being deleted is there for nobody."""
        return self.filter(workspace__closing_at__isnull=True)


class Membership(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[MembershipManager] = MembershipManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="membership_unique")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class Invitation(OwnedModel):
    """A place in a workspace for whoever proves to own `email`. Only a hash of the mailed token is kept.

    Sent again, the row stays and its token is another one.
    """

    LIFE: ClassVar[timedelta] = timedelta(days=7)

    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitation_open_once",
            )
        ]
        indexes = [
            # Whoever opens their domains is told of the invitations to their address.
            models.Index(
                fields=["email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitation_open_email",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} as {self.role}"

    @property
    def sent_at(self) -> datetime:
        """When the mail with the link that works was sent."""
        return self.expires_at - self.LIFE

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()


class WorkspaceClosing(LeasedJob):
    """The deletion of a workspace. Plain ids: the row outlives what it takes apart.

    `settled` are the steps that are over, each with what it had to leave undone, in words;
    `removed` counts the rows that went, by their model's label.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace_id = models.UUIDField(unique=True)
    workspace_name = models.CharField(max_length=120)
    asked_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    settled = models.JSONField(default=dict, blank=True)
    removed = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [due_index("accounts_closing_due")]

    def __str__(self) -> str:
        return self.workspace_name
