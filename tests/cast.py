"""The fixed cast of every test: an admin and a member of one workspace, and an outsider who is admin of another."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from accounts.models import Membership, Role, User, Workspace
from accounts.tokens import make_token
from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM

PASSWORD = "correct horse battery"


@dataclass
class Cast:
    """`acme` has admin and member; `other` belongs to the outsider. All addresses are verified."""

    admin: User
    member: User
    outsider: User
    acme: Workspace
    other: Workspace

    def token(self, user: User, *scopes: str, role: str = "admin") -> str:
        """A fresh API token's secret, for acme, or for other when the outsider asks."""
        workspace = self.other if user == self.outsider else self.acme
        scopes = scopes or ("read", "write", "keys")
        return make_token(workspace=workspace, maker=user, actor=SYSTEM, name="test", role=role, scopes=scopes)[1]


def make_user(email: str, *, verified: bool = True) -> User:
    user = User.objects.create_user(email, PASSWORD)
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=verified)
    return user


def make_staff() -> User:
    """Somebody who may open Django's admin: with a second factor, as all of them need."""
    user = make_user("staff@example.org")
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    TOTP.activate(user, generate_totp_secret())
    return user


def make_cast() -> Cast:
    admin, member, outsider = (make_user(f"{name}@example.org") for name in ("admin", "member", "outsider"))
    acme = create_workspace(user=admin, name="Acme", actor=SYSTEM)
    other = create_workspace(user=outsider, name="Other", actor=SYSTEM)
    Membership.objects.create(user=member, workspace=acme, role=Role.MEMBER)
    return Cast(admin, member, outsider, acme, other)
