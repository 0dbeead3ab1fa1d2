"""Who calls the API: the holder of a token, or the person signed in at the browser."""

import uuid
from datetime import timedelta
from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.db.models import Q
from django.http import Http404
from ninja.utils import check_csrf

from accounts.access import WorkspaceRequest, enter_workspace, find_membership, user_actor
from accounts.api_limits import count_request
from accounts.models import ApiToken, Membership
from accounts.policy import lower_role
from accounts.problems import Problem
from accounts.token_text import PREFIX, token_digest
from auditlog.events import Actor
from config.lib import clock

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Writing the last use on every request would make each read a write.
LAST_USED_EVERY = timedelta(minutes=1)


class ApiRequest(WorkspaceRequest):
    """What an operation gets. `token` is None for a signed-in session, which has every scope."""

    token: ApiToken | None


class BearerToken:
    """`Authorization: Bearer mmc_…`. A wrong token is 401, never the session behind it."""

    def __call__(self, request: ApiRequest) -> bool:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return False
        token = find_token(secret.strip()) if scheme.lower() == "bearer" else None
        membership = token and _maker_membership(token)
        if not token or not membership:
            raise Problem(401, "token_refused")
        count_request(str(token.pk))
        # Whoever names another workspace than the token's holds the wrong token for what follows.
        if _named_workspace(request) not in (None, token.workspace_id):
            raise Http404("no such workspace")
        _note_use(token)
        actor = Actor("token", id=token.pk, label=f"API token {token.name}", ip=get_client_ip(request))
        enter_workspace(request, membership, actor)
        request.token = token
        request.role = lower_role(token.role, membership.role)
        return True


class SignedInSession:
    """The browser's session: the CSRF token on writes, the workspace as `?workspace=`."""

    def __call__(self, request: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        if request.method not in SAFE_METHODS and not _carries_csrf_token(request):
            raise Problem(403, "csrf_failed")
        count_request(str(request.user.pk))
        enter_workspace(request, _chosen_membership(request), user_actor(request))
        request.token = None
        return True


def _carries_csrf_token(request: Any) -> bool:
    _ = request.body  # kept for the operation: looking for the token in a form would use it up
    return check_csrf(request) is None


def find_token(secret: str) -> ApiToken | None:
    """The live token with this secret; expired, revoked, unknown and empty ones are None."""
    if not secret.startswith(PREFIX):
        return None
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=clock.now())
    rows = ApiToken.unscoped.select_related("made_by")  # unscoped: the digest alone says whose it is
    return rows.filter(unexpired, digest=token_digest(secret), revoked_at=None, made_by__is_active=True).first()


def _maker_membership(token: ApiToken) -> Membership | None:
    """A token dies with its maker's membership, and with its workspace."""
    rows = Membership.objects.open().select_related("workspace", "user")
    return rows.filter(user_id=token.made_by_id, workspace_id=token.workspace_id).first()


def _note_use(token: ApiToken) -> None:
    now = clock.now()
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_EVERY:
        ApiToken.objects.for_workspace(token.workspace_id).filter(pk=token.pk).update(last_used_at=now)


def _named_workspace(request: ApiRequest) -> uuid.UUID | None:
    """`?workspace=`; what is no id is as unknown as a foreign one."""
    named = request.GET.get("workspace")
    try:
        return None if named is None else uuid.UUID(named)
    except ValueError as error:
        raise Http404("no such workspace") from error


def _chosen_membership(request: ApiRequest) -> Membership:
    named = _named_workspace(request)
    if named:
        return find_membership(request.user, named)
    own = list(Membership.objects.open().select_related("workspace").filter(user=request.user)[:2])
    if len(own) != 1:
        raise Problem(422, "workspace_missing", fields={"workspace": "Name one of your workspaces by its id."})
    return own[0]
