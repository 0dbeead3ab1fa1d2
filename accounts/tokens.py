"""API tokens: made, shown once, revoked."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.models import ApiToken, Membership, User, Workspace
from accounts.policy import lower_role
from accounts.token_text import SCOPES, new_token_secret, token_digest
from auditlog.events import Actor, record
from config.lib import clock
from config.lib.errors import NeedsUser

SHOWN = 12


def make_token(
    *,
    workspace: Workspace,
    maker: User,
    actor: Actor,
    name: str,
    role: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """The row and its secret, which is kept nowhere. The role is never above the maker's."""
    chosen = [scope for scope in SCOPES if scope in set(scopes)]
    if not chosen:
        raise NeedsUser("token_scopes_missing")
    secret = new_token_secret()
    with transaction.atomic():
        # As whoever removes people does it: no token may slip in while its maker is being removed.
        Workspace.objects.select_for_update(no_key=True).filter(pk=workspace.pk).first()
        own_role = Membership.objects.get(user=maker, workspace=workspace).role
        token = ApiToken.objects.create(
            workspace=workspace,
            name=name,
            role=lower_role(role, own_role),
            scopes=chosen,
            prefix=secret[:SHOWN],
            digest=token_digest(secret),
            made_by=maker,
            expires_at=expires_at,
        )
        data = {"name": name, "prefix": token.prefix, "role": token.role, "scopes": chosen}
        record("token.created", workspace_id=workspace.pk, actor=actor, data=data)
    return token, secret


def revoke_token(*, token: ApiToken, actor: Actor) -> None:
    """At once and for good; repeatable."""
    with transaction.atomic():
        rows = ApiToken.objects.for_workspace(token.workspace_id).filter(pk=token.pk, revoked_at=None)
        if rows.update(revoked_at=clock.now()):
            record("token.revoked", workspace_id=token.workspace_id, actor=actor, data={"name": token.name})
