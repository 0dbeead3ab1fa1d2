"""Undoing a change of address: for whoever reads the old one, should the change not have been theirs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts.models import GoogleIdentity, User
from accounts.person_trail import record_of_person
from accounts.sessions import end_sessions
from auditlog.events import Actor
from config.lib import clock
from config.lib.errors import NeedsUser

SALT = "accounts.taking_back"
WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class Change:
    """A change of address that may be undone."""

    user: User
    old: str
    changed_at: datetime


def undo_path(user: User, old: str) -> str:
    """The page that undoes the change that has just happened, for the mail to the old address."""
    kept = {"user": str(user.pk), "old": old, "at": clock.now().isoformat()}
    return reverse("accounts:address-take-back", args=[signing.dumps(kept, salt=SALT)])


def read_undo(token: str) -> Change:
    """Raises NeedsUser("address_undo_over"): too late, tampered with, undone already, or nobody's any more."""
    try:
        kept = signing.loads(token, salt=SALT, max_age=WITHIN)
    except signing.BadSignature:
        raise NeedsUser("address_undo_over") from None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or EmailAddress.objects.filter(email=kept["old"], verified=True).exists():
        raise NeedsUser("address_undo_over")
    return Change(user, kept["old"], datetime.fromisoformat(kept["at"]))


@transaction.atomic
def take_back_address(*, change: Change, ip: str | None) -> None:
    """The old address again, and everything shut that whoever changed it could come in by."""
    user = User.objects.select_for_update().get(pk=change.user.pk)
    actor = Actor("user", id=user.pk, label=change.old, ip=ip)
    data = {"from_email": user.email, "to_email": change.old}
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=change.old, primary=True, verified=True)
    user.email = change.old
    user.set_unusable_password()
    user.save(update_fields=["email", "password"])
    GoogleIdentity.objects.filter(user=user, linked_at__gte=change.changed_at - WITHIN).delete()
    Authenticator.objects.filter(user=user, created_at__gte=change.changed_at - WITHIN).delete()
    end_sessions(user=user, actor=actor)
    record_of_person("user.email_taken_back", user=user, actor=actor, data=data)
