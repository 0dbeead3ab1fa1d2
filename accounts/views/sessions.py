"""Where somebody is signed in, and how to end it."""

import re

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, account_view
from accounts.browsers import name_browser
from accounts.sessions import end_sessions, live_sessions, stored_key

SHOWN = 100


@account_view
@require_safe
def list_sessions(request: WorkspaceRequest) -> HttpResponse:
    here = stored_key(request.session.session_key or "")
    rows = [
        {"row": row, "browser": name_browser(row.user_agent), "is_here": row.session_key == here}
        for row in live_sessions(request.user)[:SHOWN]
    ]
    return render(request, "accounts/sessions.html", {"sessions": sorted(rows, key=lambda each: not each["is_here"])})


@account_view
@require_POST
def end_one_session(request: WorkspaceRequest) -> HttpResponse:
    """The key in the form is the stored hash: it names a session and opens none."""
    key = request.POST.get("session", "")
    return _end(request, keys=[key] if re.fullmatch(r"[0-9a-f]{40}", key) else [])


@account_view
@require_POST
def end_other_sessions(request: WorkspaceRequest) -> HttpResponse:
    return _end(request, but=stored_key(request.session.session_key or ""))


def _end(request: WorkspaceRequest, *, keys: list[str] | None = None, but: str | None = None) -> HttpResponse:
    count = end_sessions(user=request.user, actor=request.actor, keys=keys, but=but)
    if count:
        messages.success(request, f"{count} {'session is' if count == 1 else 'sessions are'} signed out.")
    else:
        messages.info(request, "There was no such session any more.")
    return redirect("accounts:session-list")
