"""`Install certificate` on the Renew & deploy tab. It works without a script; htmx makes a test live."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from config.lib.errors import NeedsUser, in_one_line
from deploy.models import PanelTarget
from deploy.panels.accounts import (
    accounts_of,
    allow_replacement,
    delete_panel,
    save_panel,
    start_try,
    trust_panel,
)
from deploy.panels.forms import PanelForm
from deploy.panels.known import panels
from deploy.panels.naming import panel_label
from deploy.panels.panel import Panel
from deploy.panels.showing import panels_of
from deploy.views import tab_url, to_tab
from domains.hosting.detecting import doubt_detection
from domains.models import Domain
from domains.tabs import domain_context
from domains.views import find_domain

TEST = "test"


def find_panel(workspace: Workspace, panel_id: uuid.UUID) -> PanelTarget:
    rows = PanelTarget.objects.for_workspace(workspace).select_related("account", "domain__workspace")
    return get_object_or_404(rows, pk=panel_id)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view("panel.edit")
def add(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """Which panel says `?kind=`; without one the tab is the place to choose it."""
    domain, kind = find_domain(workspace, domain_id), request.GET.get("kind", "")
    if kind not in panels:
        return to_tab(domain)
    return _form(request, domain, panels.get(kind), None)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view("panel.edit")
def change(request: WorkspaceRequest, workspace: Workspace, panel_id: uuid.UUID) -> HttpResponse:
    place = find_panel(workspace, panel_id)
    return _form(request, place.domain, panels.get(place.account.kind), place)


def _form(request: WorkspaceRequest, domain: Domain, panel: Panel, place: PanelTarget | None) -> HttpResponse:
    rows = accounts_of(domain.workspace).filter(kind=panel.name)
    on_file = [] if place else list(rows.prefetch_related("targets__domain"))
    known = place.account if place else None
    form = PanelForm(request.POST or None, panel=panel, domain=domain, known=known, on_file=on_file)
    if form.is_valid():
        is_test = request.POST.get("then") == TEST
        try:
            saved = save_panel(
                domain=domain,
                chosen=form.chosen,
                actor=request.actor,
                place=place,
                draft=is_test,
                for_all=form.is_for_all,
            )
        except NeedsUser as error:
            form.refuse(error)
        else:
            if is_test:
                start_try(place=saved, actor=request.actor)
            else:
                messages.success(request, f"{panel_label(saved.account)} is saved.")
            return to_panel(saved)
    context = {**domain_context(domain, "deploy"), "form": form, "panel": panel, "place": place}
    return render(request, "deploy/panels/form.html", context, status=422 if form.errors else 200)


@require_POST
@workspace_view("panel.edit")
def use(request: WorkspaceRequest, workspace: Workspace, panel_id: uuid.UUID) -> HttpResponse:
    """A draft that was tested goes into service."""
    place = find_panel(workspace, panel_id)
    save_panel(domain=place.domain, chosen=place.account, actor=request.actor, place=place)
    messages.success(request, f"{panel_label(place.account)} is saved.")
    return to_panel(place)


@require_POST
@workspace_view("panel.test")
def test(request: WorkspaceRequest, workspace: Workspace, panel_id: uuid.UUID) -> HttpResponse:
    place = find_panel(workspace, panel_id)
    start_try(place=place, actor=request.actor)
    return to_panel(place)


@require_GET
@workspace_view("panel.view")
def show_live(request: WorkspaceRequest, workspace: Workspace, panel_id: uuid.UUID) -> HttpResponse:
    """One panel's card, for the page that polls it."""
    place = find_panel(workspace, panel_id)
    if not request.htmx:
        return to_panel(place)
    one = next((shown for shown in panels_of(place.domain) if shown.place.pk == place.pk), None)
    if one is None:
        raise Http404("removed meanwhile")
    return render(request, "deploy/panels/_panel.html", {"one": one, **panel_abilities(request)})


@require_POST
@workspace_view("panel.edit")
def trust(request: WorkspaceRequest, workspace: Workspace, panel_id: uuid.UUID) -> HttpResponse:
    """Pins the fingerprint that was shown, not whatever is seen meanwhile."""
    place = find_panel(workspace, panel_id)
    try:
        trust_panel(account=place.account, fingerprint=request.POST.get("fingerprint", ""), actor=request.actor)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, f"The certificate of {panel_label(place.account)} is trusted from now on.")
    return to_panel(place)


@require_POST
@workspace_view("panel.edit")
def replace(request: WorkspaceRequest, workspace: Workspace, panel_id: uuid.UUID) -> HttpResponse:
    """Another certificate that was found there may be replaced."""
    place = find_panel(workspace, panel_id)
    try:
        allow_replacement(place=place, site=request.POST.get("site", ""), actor=request.actor)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    return to_panel(place)


@require_http_methods(["GET", "POST"])
@workspace_view("panel.edit")
def delete(request: WorkspaceRequest, workspace: Workspace, panel_id: uuid.UUID) -> HttpResponse:
    place = find_panel(workspace, panel_id)
    label = panel_label(place.account)
    if request.method == "POST":
        delete_panel(place=place, actor=request.actor)
        messages.success(request, f"Nothing is installed by {label} any more.")
        return to_tab(place.domain)
    context = {
        "section": "domains",
        "title": f"Remove {label} from {place.domain.label}?",
        "text": "New certificates are no longer installed there. The one that is installed stays until it expires. The "
        "credential is destroyed, unless another domain uses it.",
        "label": "Remove panel",
        "back_url": tab_url(place.domain),
    }
    return render(request, "confirm_page.html", context)


@require_POST
@workspace_view("domain.edit")
def doubt(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`This detection is wrong`: the forms are offered all the same."""
    domain = find_domain(workspace, domain_id)
    doubt_detection(domain=domain, actor=request.actor, is_doubted=True)
    return to_tab(domain)


def panel_abilities(request: WorkspaceRequest) -> dict[str, bool]:
    return {
        "may_edit_panels": is_allowed(request.role, "panel.edit"),
        "may_doubt": is_allowed(request.role, "domain.edit"),
    }


def to_panel(place: PanelTarget) -> HttpResponse:
    return HttpResponseRedirect(f"{tab_url(place.domain)}#panel-{place.pk}")
