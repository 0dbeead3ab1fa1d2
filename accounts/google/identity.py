"""People and the Google accounts that sign them in, known by Google's `sub` alone."""

import contextlib

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.google.token import Proof
from accounts.models import GoogleIdentity, User
from accounts.notices import notice_context
from accounts.outbox import queue_mail
from accounts.workspaces import sign_up
from auditlog.events import Actor, record
from config.lib import clock
from config.lib.errors import NeedsUser

# A new password alone would leave whoever did it the door that they have opened.
THEN = "Then disconnect that Google account: sign in, and open Google among the pages of your account."


def find_or_make_user(*, proof: Proof, ip: str | None) -> User | None:
    """Whose Google account it is; an unknown one makes a person with a personal workspace.

    None when somebody else has proven to own the address: Google's word alone opens no account that was
    made without Google. An account that has only claimed the address is nobody's proof, and left alone.
    Repeatable, also at the same time.
    """
    known = _find_user(proof)
    if known is None and not User.objects.find_verified(proof.email):
        with contextlib.suppress(IntegrityError):
            return _make_user(proof, ip)
    # Another finish of the same person may have been faster than any of these looks.
    return known or _find_user(proof)


def _find_user(proof: Proof) -> User | None:
    identity = GoogleIdentity.objects.select_related("user").filter(sub=proof.sub).first()
    if identity is None:
        return None
    if identity.user.is_active:
        note_use(identity=identity, proof=proof)
    return identity.user


def _make_user(proof: Proof, ip: str | None) -> User:
    with transaction.atomic():
        user = User.objects.create_user(proof.email)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        actor = Actor("user", id=user.pk, label=user.email, ip=ip)
        sign_up(user=user, name="", actor=actor)
        _link(user, proof, actor)
        page = f"{settings.SITE_URL}{reverse('accounts:home')}"
        queue_mail(to=user.email, template="welcome", context={"action_url": page})
    return user


def note_use(*, identity: GoogleIdentity, proof: Proof) -> None:
    """Google's address may have changed; the person's own is theirs to change."""
    rows = GoogleIdentity.objects.filter(pk=identity.pk)
    rows.update(email=proof.email, last_used_at=clock.now())


def connect_google(*, user: User, proof: Proof, actor: Actor) -> None:
    """From now on this Google account signs `user` in; told by mail. Repeatable.

    Raises NeedsUser: email_unverified, google_taken, google_connected_already.
    """
    refuse_unproven(user)
    try:
        with transaction.atomic():
            _link(user, proof, actor)
            _tell(user, f"The Google account {proof.email} was connected to your account", actor, THEN)
    except IntegrityError:
        _refuse_another(user, proof)


def refuse_unproven(user: User) -> None:
    """Whoever signed up with a stranger's address must not leave a door of their own in it for later."""
    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        raise NeedsUser("email_unverified")


def _link(user: User, proof: Proof, actor: Actor) -> None:
    GoogleIdentity.objects.create(user=user, sub=proof.sub, email=proof.email, last_used_at=clock.now())
    record("user.google_linked", workspace_id=None, actor=actor, data={"email": proof.email})


def _refuse_another(user: User, proof: Proof) -> None:
    own = GoogleIdentity.objects.filter(user=user).first()
    if own is None:
        raise NeedsUser("google_taken", email=proof.email)
    if own.sub != proof.sub:
        raise NeedsUser("google_connected_already", email=own.email)


def disconnect_google(*, user: User, actor: Actor) -> None:
    """Google signs `user` in no more; told by mail. Repeatable. Raises NeedsUser("google_last_way_in")."""
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        if not row.has_usable_password():
            raise NeedsUser("google_last_way_in")
        identity = GoogleIdentity.objects.filter(user=row).first()
        if identity is None:
            return
        identity.delete()
        record("user.google_unlinked", workspace_id=None, actor=actor, data={"email": identity.email})
        _tell(row, f"The Google account {identity.email} was disconnected from your account", actor)


def _tell(user: User, happened: str, actor: Actor, then: str = "") -> None:
    """To the proven address only: an unproven one may be a stranger's."""
    address = EmailAddress.objects.filter(user=user, primary=True, verified=True).first()
    if address:
        queue_mail(to=address.email, template="security_notice", context=notice_context(happened, actor.ip, then))
