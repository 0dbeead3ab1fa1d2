"""Accounts whose address nobody ever confirmed go away by themselves."""

import logging
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.deletion import delete_account
from accounts.models import GoogleIdentity, Membership, User
from auditlog.events import SYSTEM
from config.lib import clock
from config.lib.errors import ExpectedError

log = logging.getLogger("accounts")

LAPSES_AFTER = timedelta(days=30)
AT_ONCE = 50


def forget_unproven_accounts() -> bool:
    """Delete some of the accounts that are due; whether more are. Repeatable."""
    due = list(lapsed_accounts()[: AT_ONCE + 1])
    gone = sum(forget(user) for user in due[:AT_ONCE])
    return len(due) > AT_ONCE and gone > 0


def forget(user: User) -> bool:
    """Delete one of them; whether that was possible."""
    try:
        delete_account(user=user, actor=SYSTEM, kind="user.lapsed")
    except ExpectedError as error:
        # Somebody joined meanwhile, say: the others must not wait for this one.
        log.warning("lapse.refused", extra={"user": str(user.pk), "code": error.code})
        return False
    return True


def lapsed_accounts() -> QuerySet[User]:
    """Never proven, not signed in for LAPSES_AFTER, and nobody else in any of their workspaces.

    Never staff, and nobody whom staff have disabled: the row is what keeps them out.
    """
    before = clock.now() - LAPSES_AFTER
    proven = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
    google = GoogleIdentity.objects.filter(user=OuterRef("pk"))
    others = Membership.objects.filter(workspace__memberships__user=OuterRef("pk")).exclude(user=OuterRef("pk"))
    idle = Q(last_login__lt=before) | Q(last_login=None)
    rows = User.objects.filter(idle, date_joined__lt=before, is_active=True, is_staff=False, is_superuser=False)
    return rows.filter(~Exists(proven), ~Exists(google), ~Exists(others)).order_by("date_joined")
