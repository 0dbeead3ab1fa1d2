"""Links about e-mail addresses that come by mail: confirming one, and undoing a change."""

from allauth.account.models import get_emailconfirmation_model
from allauth.account.views import confirm_email as confirm_as_allauth
from allauth.core.internal.httpkit import get_client_ip
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import public_view, to_sign_in
from accounts.taking_back import read_undo, take_back_address
from config.lib.errors import NeedsUser, describe


@public_view("the mailed link; it confirms nothing but in a session of the account that it belongs to")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, key: str) -> HttpResponse:
    """Anybody can sign up with a stranger's address: the stranger's press must not open that account for them.

    Whoever made the account knows its password; the stranger does not, and is not signed out of their own.
    """
    confirmation = get_emailconfirmation_model().from_key(key)
    if confirmation is None or request.user.pk == confirmation.email_address.user_id:
        answer: HttpResponse = confirm_as_allauth(request, key=key)
        return answer
    if not request.user.is_authenticated:
        messages.info(request, "Sign in to the account that you made with this address, to confirm it.")
        return to_sign_in(request)
    context = {"address": confirmation.email_address}
    return render(request, "account/confirm_elsewhere.html", context, status=403)


@public_view("the mailed link to undo a change of address; the press of its button does it")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def take_back(request: HttpRequest, token: str) -> HttpResponse:
    try:
        change = read_undo(token)
    except NeedsUser as error:
        wording = describe(error.code, error.params)
        return render(request, "accounts/take_back.html", {"wording": wording}, status=410)
    if request.method != "POST":
        return render(request, "accounts/take_back.html", {"change": change})
    take_back_address(change=change, ip=get_client_ip(request))
    logout(request)
    messages.success(request, f"{change.old} is the address of the account again. Now choose a new password.")
    return redirect("account_reset_password")
