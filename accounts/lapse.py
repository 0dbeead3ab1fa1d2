"""Accounts whose address nobody ever confirmed go away by themselves."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.deletion import delete_account
from accounts.models import GoogleIdentity, Membership, User
from auditlog.events import SYSTEM
from config.lib import clock

LAPSES_AFTER = timedelta(days=30)
# Looked for at sign-ins, rarely and a few at a time: whoever signs in must not wait for it.
LOOK_EVERY = timedelta(hours=1)
AT_ONCE = 5


def forget_unproven_accounts() -> None:
    """Delete some of the accounts that are due, when nobody looked within the hour. Repeatable."""
    if not cache.add("accounts.lapse", "looked", timeout=LOOK_EVERY.total_seconds()):
        return
    for user in lapsed_accounts()[:AT_ONCE]:
        delete_account(user=user, actor=SYSTEM, kind="user.lapsed")


def lapsed_accounts() -> QuerySet[User]:
    """Never proven, not signed in for LAPSES_AFTER, and nobody else in any of their workspaces; staff never."""
    before = clock.now() - LAPSES_AFTER
    proven = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
    google = GoogleIdentity.objects.filter(user=OuterRef("pk"))
    others = Membership.objects.filter(workspace__memberships__user=OuterRef("pk")).exclude(user=OuterRef("pk"))
    idle = Q(last_login__lt=before) | Q(last_login=None)
    rows = User.objects.filter(idle, date_joined__lt=before, is_staff=False, is_superuser=False)
    return rows.filter(~Exists(proven), ~Exists(google), ~Exists(others)).order_by("date_joined")
