"""The one page that carries Google's script, and the page that says why it did not work."""

import logging
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csp import get_nonce
from django.shortcuts import render
from django.urls import reverse
from django.utils.csp import CSP
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override

from accounts.access import View
from accounts.google.state import Purpose, Started, leave_started
from config.lib.errors import ExpectedError, Transient, describe

log = logging.getLogger("google")

SCRIPT = "https://accounts.google.com/gsi/client"
# What Google asks for. Its script hands the nonce of its own element on to the styles that it writes.
GOOGLES_CSP = {
    **settings.SECURE_CSP,
    "script-src": [CSP.SELF, CSP.NONCE, SCRIPT],
    "style-src": [CSP.SELF, CSP.NONCE, "https://accounts.google.com/gsi/style"],
    "frame-src": ["https://accounts.google.com/gsi/"],
    "connect-src": [CSP.SELF, "https://accounts.google.com/gsi/"],
}
PAGES = {
    Purpose.SIGN_IN: "accounts:google",
    Purpose.CONFIRM: "accounts:google-confirm",
    Purpose.CONNECT: "accounts:google-connect",
}
# What stands in the way of a change, rather than a bad request.
CONFLICTS = frozenset({"google_taken", "google_connected_already", "google_last_way_in"})
LONGEST_NEXT = 1_000
RETRY_AFTER = 30


def when_configured(view: View) -> View:
    """Without GOOGLE_CLIENT_ID there is nothing here."""

    @wraps(view)
    def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
        if not settings.GOOGLE_CLIENT_ID:
            raise Http404("sign-in with Google is off")
        return view(request, *args, **kwargs)

    return guarded


def explained(view: View) -> View:
    """Expected errors become a page in plain words, with the way back to where it began."""

    @wraps(view)
    def told(request: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return view(request, *args, **kwargs)
        except ExpectedError as error:
            log.info("google.refused", extra={"code": error.code})
            return _trouble_page(request, error)

    return told


def _trouble_page(request: Any, error: ExpectedError) -> HttpResponse:
    started: Started = getattr(request, "google_started", Started(Purpose.SIGN_IN))
    context = {"wording": describe(error.code, error.params), "started": started, "retry_url": page_address(started)}
    response = render(request, "accounts/google/trouble.html", context, status=_status(error))
    if isinstance(error, Transient):
        response["Retry-After"] = str(RETRY_AFTER)
    return response


def _status(error: ExpectedError) -> int:
    if isinstance(error, Transient):
        return 503
    return 409 if error.code in CONFLICTS else 400


def page_address(started: Started) -> str:
    return with_next(reverse(PAGES[started.purpose]), started.next)


def with_next(url: str, target: str) -> str:
    return f"{url}?{urlencode({REDIRECT_FIELD_NAME: target})}" if target else url


def safe_next(request: HttpRequest) -> str:
    """Where to go afterwards, when that is a page of ours; empty otherwise."""
    target = request.GET.get(REDIRECT_FIELD_NAME, "")
    hosts, https = {request.get_host()}, request.is_secure()
    if len(target) > LONGEST_NEXT or not url_has_allowed_host_and_scheme(target, hosts, require_https=https):
        return ""
    return target


def button_page(request: Any, purpose: Purpose, **context: Any) -> HttpResponse:
    """Google's own button, which leads to Google and from there to our callback with a token for this nonce."""
    if _hostname(request.get_host()) != settings.SITE_HOST:
        # Google posts to SITE_URL, and a cookie that was set under another name of ours would not be there.
        return HttpResponseRedirect(settings.SITE_URL + request.get_full_path())
    user = str(request.user.pk) if request.user.is_authenticated else ""
    started = Started(purpose, safe_next(request), user)
    response = _render_button(request, started, context)
    leave_started(response, started)
    # Google's script needs its window and its referrer; every other page keeps the strict ones.
    response["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    response["Referrer-Policy"] = "strict-origin-when-cross-origin"
    return response


@never_cache
@csp_override(GOOGLES_CSP)
def _render_button(request: Any, started: Started, context: dict[str, Any]) -> HttpResponse:
    about = {
        "started": started,
        "others": _other_ways(request, started),
        "client_id": settings.GOOGLE_CLIENT_ID,
        "callback": settings.SITE_URL + reverse("accounts:google-callback"),
        "script": SCRIPT,
        "csp_nonce": get_nonce(request),
    }
    return render(request, "accounts/google/button.html", {**about, **context})


def _other_ways(request: Any, started: Started) -> list[tuple[str, str]]:
    """(label, address) of what works without Google's button."""
    if started.purpose == Purpose.SIGN_IN:
        return [("Use your password instead", with_next(reverse("account_login"), started.next))]
    if started.purpose == Purpose.CONNECT:
        return [("Back to your account", reverse("accounts:google-account"))]
    methods = [each for each in get_adapter().get_reauthentication_methods(request.user) if each["id"] != "google"]
    ways = [(str(each["description"]), with_next(each["url"], started.next)) for each in methods]
    return ways or [("Set a password by mail instead", reverse("account_reset_password"))]


def _hostname(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""
