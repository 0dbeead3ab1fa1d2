"""Who may open a page: every view carries one of these three marks, and the access test asks each.

`workspace_view(action)` for pages under `w/<uuid:workspace_id>/…`, `account_view` for pages of a
signed-in person, `public_view(reason)` for everybody.
"""

import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, Protocol, overload

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_htmx.http import HttpResponseClientRedirect

from accounts.fresh import is_fresh
from accounts.models import Membership, User, Workspace
from accounts.policy import ACTIONS_NEEDING_VERIFIED_EMAIL, POLICY, is_allowed
from auditlog.events import Actor


class WorkspaceRequest(HttpRequest):
    """What a view behind `workspace_view` gets; API operations see the same attributes."""

    user: User
    workspace: Workspace
    membership: Membership
    role: str
    actor: Actor
    htmx: Any


@dataclass(frozen=True)
class Access:
    """The stated policy of a view or an API operation; read by the access test."""

    kind: Literal["workspace", "account", "public", "operation"]
    action: str = ""
    fresh: bool = False
    reason: str = ""


class View(Protocol):
    """Answers an HttpResponse, or a streaming one, which Django's types keep apart."""

    def __call__(self, request: Any, *args: Any, **kwargs: Any) -> Any: ...


def workspace_view(action: str, *, fresh: bool = False) -> Callable[[View], View]:
    """Let in members of the workspace in the URL whose role may do `action`.

    The view is called as `view(request, workspace, **the other URL arguments)`. Strangers get the
    sign-in page, foreign and unknown workspaces 404, wrong roles 403. `fresh` also asks for the
    password again when that was not done within 10 minutes.
    """
    if action not in POLICY:
        raise LookupError(f"{action!r} is not in accounts.policy.POLICY")

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: Any, *, workspace_id: uuid.UUID, **kwargs: Any) -> Any:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            enter_workspace(request, find_membership(request.user, workspace_id), user_actor(request))
            if (refusal := _refuse(request, action, fresh=fresh)) is not None:
                return refusal
            # The workspace's time zone decides the day, for whatever is rendered inside.
            with timezone.override(zoneinfo.ZoneInfo(request.workspace.time_zone)):
                return view(request, request.workspace, **kwargs)

        return _marked(guarded, Access("workspace", action, fresh))

    return decorate


def _refuse(request: WorkspaceRequest, action: str, *, fresh: bool) -> HttpResponse | None:
    """What stands before a workspace's page for whoever is in the workspace, or None; raises PermissionDenied."""
    if not is_allowed(request.role, action):
        raise PermissionDenied("role_too_low")
    if lacks_second_factor(request):
        return render(request, "accounts/second_factor_first.html", status=403)
    if action in ACTIONS_NEEDING_VERIFIED_EMAIL and not has_verified_email(request.user):
        return render(request, "accounts/verify_first.html", {"workspace": request.workspace}, status=403)
    if fresh and not is_fresh(request):
        return to_reauthentication(request)
    return None


@overload
def account_view(view: View) -> View: ...
@overload
def account_view(*, fresh: bool) -> Callable[[View], View]: ...
def account_view(view: View | None = None, *, fresh: bool = False) -> View | Callable[[View], View]:
    """A page of a signed-in person, outside of any workspace; `fresh` as with `workspace_view`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            request.actor = user_actor(request)
            if fresh and not is_fresh(request):
                return to_reauthentication(request)
            return view(request, *args, **kwargs)

        return _marked(guarded, Access("account", fresh=fresh))

    return decorate(view) if view else decorate


def public_view(reason: str) -> Callable[[View], View]:
    """A page for everybody; the reason is for whoever reads the access test."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return view(request, *args, **kwargs)

        return _marked(guarded, Access("public", reason=reason))

    return decorate


def find_membership(user: User, workspace_id: uuid.UUID) -> Membership:
    """Read anew on each request, so that a removed member's next click is refused. Raises Http404."""
    rows = Membership.objects.open().select_related("workspace").filter(user=user, workspace_id=workspace_id)
    membership = rows.first()
    if membership is None:
        raise Http404("no such workspace")
    membership.user = user
    return membership


def enter_workspace(request: WorkspaceRequest, membership: Membership, actor: Actor) -> None:
    """Put the workspace, the role and the actor on the request."""
    request.membership = membership
    request.workspace = membership.workspace
    request.role = membership.role
    request.actor = actor


def user_actor(request: WorkspaceRequest) -> Actor:
    return Actor("user", id=request.user.pk, label=request.user.email, ip=get_client_ip(request))


def has_verified_email(user: User) -> bool:
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())


def lacks_second_factor(request: WorkspaceRequest) -> bool:
    """Whether the workspace admits only people with a second factor, and this one has none."""
    return request.workspace.requires_mfa and not is_mfa_enabled(request.user)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    return _detour(request, reverse("account_login"), _page_of(request))


def to_reauthentication(request: HttpRequest) -> HttpResponse:
    """Ask for the password, or whatever else proves who it is, and come back.

    allauth would keep a POST in the session to repeat it; ours may hold a private key, so the
    person comes back to the form instead and presses the button again.
    """
    methods = get_adapter().get_reauthentication_methods(request.user)
    if not methods:
        messages.info(request, "Your account has nothing to confirm with. Set a password by the link that we mail you.")
        return _detour(request, reverse("account_reset_password"), _page_of(request))
    if request.method == "POST":
        messages.info(request, "Nothing was done yet: confirm that it is you, then press the button again.")
    return _detour(request, methods[0]["url"], _page_of(request))


def _page_of(request: HttpRequest) -> str:
    """The page to return to: this one when it can be opened by a link, else the one it was sent from."""
    if request.method == "GET" and not _is_htmx(request):
        return request.get_full_path()
    came_from = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()}):
        return str(came_from)
    return resolve_url("/")


def _detour(request: HttpRequest, url: str, back: str) -> HttpResponse:
    target = f"{url}?{urlencode({REDIRECT_FIELD_NAME: back})}"
    # A fragment request would swap the sign-in page into the middle of the open one.
    return HttpResponseClientRedirect(target) if _is_htmx(request) else HttpResponseRedirect(target)


def _is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def _marked(view: View, access: Access) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view
