"""A first user and workspace without a browser: for the demo, for tests and for whoever hosts the portal."""

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import Membership, Role, User, Workspace
from accounts.token_text import SCOPES
from accounts.tokens import make_token
from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM


def bootstrap_workspace(
    *, email: str, workspace_name: str, password: str | None, with_token: bool
) -> dict[str, str | None]:
    """Ids of a verified user and of a workspace that the user is admin of; a fresh token when asked for.

    Repeatable: the user is found by the verified address, the workspace by its name among those that
    the user is admin of. An unverified account with this address is left alone: somebody else may
    know its password. The password is set whenever it is given.
    """
    with transaction.atomic():
        user = User.objects.find_verified(email) or _make_verified(email)
        if password:
            user.set_password(password)
            user.save(update_fields=["password"])
        workspace = _own_workspace(user, workspace_name.strip())
        secret = _make_token(user, workspace) if with_token else None
    return {"user": str(user.pk), "workspace": str(workspace.pk), "api_token": secret}


def _make_verified(email: str) -> User:
    user = User.objects.create_user(email)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def _own_workspace(user: User, name: str) -> Workspace:
    rows = Membership.objects.open().filter(user=user, role=Role.ADMIN, workspace__name=name)
    membership = rows.select_related("workspace").order_by("created_at", "id").first()
    return membership.workspace if membership else create_workspace(user=user, name=name, actor=SYSTEM)


def _make_token(user: User, workspace: Workspace) -> str:
    _, secret = make_token(
        workspace=workspace, maker=user, actor=SYSTEM, name="bootstrap", role=Role.ADMIN, scopes=SCOPES
    )
    return secret
