"""Continue with Google: to Google's button, back from Google, and what was meant by it."""

from dataclasses import asdict
from typing import Any

from allauth.account.forms import ReauthenticateForm
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.account.models import Login
from allauth.core.internal.httpkit import get_client_ip
from allauth.decorators import rate_limit
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, account_view, public_view, user_actor
from accounts.adapter import GOOGLE
from accounts.google import state, waiting
from accounts.google.identity import connect_google, disconnect_google, find_or_make_user, note_use, refuse_unproven
from accounts.google.page import button_page, explained, safe_next, when_configured, with_next
from accounts.google.state import Purpose, Returned
from accounts.google.token import verify_token
from accounts.models import GoogleIdentity, User
from config.lib.errors import NeedsUser

# The name is Google's, of the cookie that its script sets here and of the field that it posts.
DOUBLE_SUBMITTED = "g_csrf_token"
SEE_OTHER = 303


@when_configured
@public_view("signing in comes before everything else")
@require_safe
def show_button(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return HttpResponseRedirect(safe_next(request) or "/")
    return button_page(request, Purpose.SIGN_IN)


@when_configured
@account_view
@require_safe
def show_confirm(request: WorkspaceRequest) -> HttpResponse:
    """Google as a proof of who it is, for those who have connected it."""
    identity = GoogleIdentity.objects.filter(user=request.user).first()
    if identity is None:
        return HttpResponseRedirect(with_next(reverse("account_reauthenticate"), safe_next(request)))
    return button_page(request, Purpose.CONFIRM, identity=identity)


@when_configured
@account_view(fresh=True)
@require_safe
@explained
def show_connect(request: WorkspaceRequest) -> HttpResponse:
    if GoogleIdentity.objects.filter(user=request.user).exists():
        return redirect("accounts:google-account")
    refuse_unproven(request.user)
    return button_page(request, Purpose.CONNECT)


@csrf_exempt  # a post from Google's site carries no token of ours; Google's double submit stands for it
@when_configured
@public_view("Google posts here, without our session; it signs nobody in, the finish does")
@explained
def receive_credential(request: Any) -> HttpResponse:
    """Each check in turn, cheapest first. What is proven waits for the finish, where the session is."""
    _check_double_submit(request)
    started = request.google_started = state.read_started(request)
    token = request.POST.get("credential", "")
    proof = verify_token(token, nonce=started.nonce, client_id=settings.GOOGLE_CLIENT_ID)
    state.spend_nonce(started.nonce)
    response = HttpResponseRedirect(reverse("accounts:google-finish"))
    response.status_code = SEE_OTHER
    state.hand_over(response, Returned(started, proof))
    return response


def _check_double_submit(request: HttpRequest) -> None:
    """Only our own origin can have set the cookie, and only who read it can post its value."""
    if request.method == "POST":
        cookie, field = request.COOKIES.get(DOUBLE_SUBMITTED, ""), request.POST.get(DOUBLE_SUBMITTED, "")
        if cookie and field and constant_time_compare(cookie, field):
            return
    raise NeedsUser("google_post_incomplete")


@when_configured
@public_view("what Google proved lies behind this browser's cookie, once")
@require_GET
@never_cache
@explained
def finish(request: Any) -> HttpResponse:
    returned = state.take_over(request)
    request.google_started = returned.started
    response = FINISHES[returned.started.purpose](request, returned)
    response.delete_cookie(state.FINISH_COOKIE)
    return response


def _finish_sign_in(request: HttpRequest, returned: Returned) -> HttpResponse:
    user = find_or_make_user(proof=returned.proof, ip=get_client_ip(request))
    if user is None:
        waiting.remember(request, returned)
        return redirect("accounts:google-password")
    record_authentication(request, user, method="google")
    return _sign_in(request, user, returned)


def _finish_confirm(request: WorkspaceRequest, returned: Returned) -> HttpResponse:
    _check_same_person(request, returned)
    identity = GoogleIdentity.objects.filter(user=request.user).first()
    if identity is None or identity.sub != returned.proof.sub:
        raise NeedsUser("google_other_account", email=identity.email if identity else "")
    note_use(identity=identity, proof=returned.proof)
    # A post that allauth has kept is not repeated behind the person's back; they come back to its page.
    request.session.pop(STATE_SESSION_KEY, None)
    record_authentication(request, request.user, method="google", reauthenticated=True)
    return HttpResponseRedirect(returned.started.next or "/")


def _finish_connect(request: WorkspaceRequest, returned: Returned) -> HttpResponse:
    _check_same_person(request, returned)
    connect_google(user=request.user, proof=returned.proof, actor=user_actor(request))
    messages.success(request, f"Connected. From now on Google signs you in as {request.user.email}.")
    return HttpResponseRedirect(returned.started.next or reverse("accounts:google-account"))


def _check_same_person(request: HttpRequest, returned: Returned) -> None:
    """Whoever went to Google must still be the one who is signed in."""
    if not request.user.is_authenticated or str(request.user.pk) != returned.started.user:
        raise NeedsUser("google_started_elsewhere")


FINISHES = {
    Purpose.SIGN_IN: _finish_sign_in,
    Purpose.CONFIRM: _finish_confirm,
    Purpose.CONNECT: _finish_connect,
}


@when_configured
@public_view("asks for the password of the account that has the address which Google vouched for")
@rate_limit(action="login")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def ask_password(request: HttpRequest) -> HttpResponse:
    """Once, before Google may open an account that was made without it."""
    returned = waiting.recall(request)
    owner = User.objects.find_verified(returned.proof.email) if returned else None
    if returned is None or owner is None:
        return redirect("accounts:google")
    if not owner.is_active:
        return redirect("account_inactive")
    form = ReauthenticateForm(request.POST or None, user=owner)
    if not form.is_valid():
        return render(request, "accounts/google/password.html", {"form": form, "owner": owner})
    waiting.forget(request)
    record_authentication(request, owner, method="password")
    return _sign_in(request, owner, returned, connects={GOOGLE: asdict(returned.proof)})


def _sign_in(
    request: HttpRequest, user: User, returned: Returned, connects: dict[str, Any] | None = None
) -> HttpResponse:
    """Through allauth's stages: the second factor, accounts that are switched off, our events."""
    login = Login(user=user, redirect_url=returned.started.next or None, signal_kwargs=connects)
    response: HttpResponse = perform_login(request, login)
    return response


@when_configured
@account_view
@require_safe
def show_account(request: WorkspaceRequest) -> HttpResponse:
    identity = GoogleIdentity.objects.filter(user=request.user).first()
    has_password = request.user.has_usable_password()
    return render(request, "accounts/google/account.html", {"identity": identity, "has_password": has_password})


@when_configured
@account_view(fresh=True)
@require_POST
@explained
def disconnect(request: WorkspaceRequest) -> HttpResponse:
    disconnect_google(user=request.user, actor=request.actor)
    messages.success(request, "Disconnected. Your password signs you in.")
    return redirect("accounts:google-account")
