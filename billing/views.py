"""Settings, Billing."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from accounts.views.settings import settings_page
from billing.forms import AutoForm, FundsForm, LedgerFilter
from billing.ledger import account_of, depth_of
from billing.models import Depth, TopUp
from billing.prices import is_on, minimum_cents
from billing.shown import (
    CSV_COLUMNS,
    auto_trouble,
    csv_rows,
    entries_of,
    is_card_expired,
    last_top_ups,
    prices_shown,
    trouble_of,
)
from billing.wishes import abandon, add_funds, change_auto, look_again, save_another_card
from billing.wishes import remove_card as remove
from config.lib.errors import NeedsUser, in_one_line
from config.lib.money import dollars
from config.lib.spreadsheets import csv_lines

LABEL = "Billing"
# In the session: the payment whose page at Stripe somebody is on the way to.
GOES_TO = "goes_to_payment"
PAGE_SIZE = 50
# Whoever is back from Stripe has it asked once in so many seconds, however often the page is loaded.
LOOKS_APART = 10


def _require_billing() -> None:
    """Without payments there is no such page."""
    if not is_on():
        raise Http404("billing is off")


@workspace_view("billing.view")
@require_safe
def show(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    _require_billing()
    return _page(request, workspace, FundsForm(initial={"amount": "25.00"}), None)


def _page(request: WorkspaceRequest, workspace: Workspace, funds: FundsForm, auto: AutoForm | None) -> HttpResponse:
    account = account_of(workspace.pk)
    filters = LedgerFilter(request.GET if request.method in ("GET", "HEAD") else None)
    chosen = filters.cleaned_data if filters.is_valid() else {}
    top_ups = last_top_ups(workspace)
    context = {
        "account": account,
        "balance": dollars(account.balance_cents),
        "held": dollars(account.held_cents) if account.held_cents else "",
        "minimum": dollars(minimum_cents()),
        "is_low": depth_of(account) != Depth.ENOUGH,
        "is_paused": depth_of(account) == Depth.UNDER_MINIMUM,
        "missing": dollars(max(minimum_cents() - account.balance_cents, 0)),
        "is_card_expired": is_card_expired(account),
        "prices": prices_shown(),
        "funds": funds,
        "auto": auto or AutoForm(account=account),
        "auto_trouble": auto_trouble(account),
        "filters": filters,
        "is_filtered": any(chosen.values()),
        "page": Paginator(entries_of(workspace, chosen), PAGE_SIZE).get_page(request.GET.get("page")),
        "top_ups": top_ups,
        "open_top_up": next((one for one in top_ups if one.is_open), None),
        "may_edit": is_allowed(request.role, "billing.edit"),
    }
    answer = settings_page(request, "billing/home.html", LABEL, **context)
    answer.status_code = 422 if funds.errors or filters.errors or (auto and auto.errors) else 200
    return answer


@workspace_view("billing.edit")
@require_POST
def post_funds(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """On to the payment's own page; one that is open already is gone on with."""
    _require_billing()
    form = FundsForm(request.POST)
    if not form.is_valid():
        return _page(request, workspace, form, None)
    try:
        top_up = add_funds(workspace=workspace, cents=form.cleaned_data["amount"], actor=request.actor)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
        return redirect("billing:home", workspace.pk)
    return _to_stripe(request, top_up)


def _to_stripe(request: WorkspaceRequest, top_up: TopUp) -> HttpResponse:
    """By the page that waits for Stripe, which goes on by itself once: whoever comes back may stay."""
    request.session[GOES_TO] = str(top_up.pk)
    return redirect("billing:top-up", top_up.workspace_id, top_up.pk)


@workspace_view("billing.edit")
@require_POST
def post_card(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    _require_billing()
    return _to_stripe(request, save_another_card(workspace=workspace, actor=request.actor))


@workspace_view("billing.view")
@require_safe
def show_top_up(request: WorkspaceRequest, workspace: Workspace, top_up_id: uuid.UUID) -> HttpResponse:
    """Waits for Stripe's page, and sends whoever just asked for it there; after their return for the payment.

    Not by a redirect: browsers hold one that follows a form to our `form-action`.
    """
    _require_billing()
    top_up = get_object_or_404(TopUp.objects.for_workspace(workspace), pk=top_up_id)
    is_back, is_cancelled = request.GET.get("back") == "1", request.GET.get("back") == "0"
    if is_back and top_up.is_open and cache.add(f"billing-look:{top_up.pk}", True, LOOKS_APART):
        look_again(top_up.pk)
    is_on_the_way = request.session.get(GOES_TO) == str(top_up.pk) and "back" not in request.GET
    goes_on = top_up.state == TopUp.State.OPEN and is_on_the_way
    if goes_on and request.htmx:
        del request.session[GOES_TO]
        return HttpResponseClientRedirect(top_up.url)
    context = {
        "top_up": top_up,
        "amount": dollars(top_up.amount_cents),
        "is_back": is_back,
        "is_cancelled": is_cancelled,
        "may_edit": is_allowed(request.role, "billing.edit"),
        "is_live": top_up.is_open and (is_back or top_up.state == TopUp.State.PREPARING),
        "goes_on": goes_on,
        "trouble": trouble_of(top_up),
        "balance": dollars(account_of(workspace.pk).balance_cents),
    }
    return settings_page(request, "billing/top_up.html", LABEL, **context)


@workspace_view("billing.edit")
@require_POST
def abandon_top_up(request: WorkspaceRequest, workspace: Workspace, top_up_id: uuid.UUID) -> HttpResponse:
    """`Do not pay`."""
    _require_billing()
    abandon(top_up=get_object_or_404(TopUp.objects.for_workspace(workspace), pk=top_up_id))
    return redirect("billing:home", workspace.pk)


@workspace_view("billing.edit")
@require_POST
def post_auto(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    _require_billing()
    form = AutoForm(request.POST, account=account_of(workspace.pk))
    if not form.is_valid():
        return _page(request, workspace, FundsForm(initial={"amount": "25.00"}), form)
    told = form.cleaned_data
    try:
        change_auto(
            workspace=workspace,
            is_on=told["is_on"],
            threshold_cents=told["threshold"],
            amount_cents=told["amount"],
            actor=request.actor,
        )
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, f"Automatic top-ups are {'on' if told['is_on'] else 'off'}.")
    return redirect("billing:home", workspace.pk)


@workspace_view("billing.edit", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def remove_card(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    _require_billing()
    if request.method == "POST":
        remove(workspace=workspace, actor=request.actor)
        messages.success(request, "The card is removed.")
        return redirect("billing:home", workspace.pk)
    text = "Stripe forgets it too. Automatic top-ups are turned off; the balance stays as it is."
    told: dict[str, Any] = {"title": "Remove the saved card?", "text": text, "label": "Remove"}
    back_url = reverse("billing:home", args=[workspace.pk])
    return render(request, "confirm_page.html", {"section": "settings", "back_url": back_url, **told})


@workspace_view("billing.view")
@require_safe
def download_ledger(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse | StreamingHttpResponse:
    """The entries that the page's filters leave, all of them."""
    _require_billing()
    filters = LedgerFilter(request.GET)
    if not filters.is_valid():
        return _page(request, workspace, FundsForm(initial={"amount": "25.00"}), None)
    rows = entries_of(workspace, filters.cleaned_data)
    answer = StreamingHttpResponse(csv_lines(CSV_COLUMNS, csv_rows(rows)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="balance.csv"'
    return answer
