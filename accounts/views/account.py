"""Your data: a copy of it, and the end of the account."""

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, account_view
from accounts.closing import contents_of
from accounts.deletion import delete_account, ties_of
from accounts.export import write_export
from accounts.forms import ConfirmForm
from auditlog.events import record
from config.lib import clock
from config.lib.errors import NeedsUser, in_one_line


@account_view
@require_safe
def show_data(request: WorkspaceRequest) -> HttpResponse:
    return render(request, "accounts/data.html")


@account_view(fresh=True)
@require_POST
def download_data(request: WorkspaceRequest) -> HttpResponseBase:
    record("user.exported", workspace_id=None, actor=request.actor)
    answer = StreamingHttpResponse(write_export(request.user), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="managemycert-{clock.now():%Y-%m-%d}.json"'
    answer["Cache-Control"] = "no-store"
    return answer


@account_view(fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: WorkspaceRequest) -> HttpResponse:
    user = request.user
    form = ConfirmForm(request.POST or None, expected=user.email)
    if form.is_valid():
        try:
            delete_account(user=user, actor=request.actor)
        except NeedsUser as error:
            form.add_error(None, in_one_line(error))
        else:
            logout(request)
            messages.success(request, "Your account is deleted.")
            return redirect("account_login")
    ties = ties_of(user)
    held = contents_of(*(each.pk for each in ties.alone))
    alone = [(each, held[each.pk]) for each in ties.alone]
    return render(request, "accounts/account_delete.html", {"form": form, "ties": ties, "alone": alone})
