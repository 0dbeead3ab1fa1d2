"""The Renew & deploy tab and the page of a deployment. They work without a script; htmx makes them live."""

import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from auditlog.events import Actor
from certificates.uploads.forms import UploadForm
from config.lib.errors import ExpectedError, Transient, in_one_line
from deploy import shown
from deploy.deployments import newest_certificate, start_deployment
from deploy.detection.suggesting import fill_in
from deploy.forms import NEW, TargetForm, bound_rows
from deploy.http01.modes import auto_renew_of, cards_of
from deploy.missing import what_is_missing
from deploy.models import Deployment, Target, TargetRun
from deploy.panels.showing import install_context
from deploy.readiness.showing import readiness_of
from deploy.reconcile import last_deployment
from deploy.servers import find_or_make_server, trust_server
from deploy.targets import delete_target, lock_targets, move_target, save_target, start_detection, start_test
from deploy.undoing import can_undo, start_undo
from domains.hosting.badges import hosting_shown
from domains.hosting.detecting import ask_for_detection, hosting_of
from domains.models import Domain
from domains.tabs import domain_context
from domains.views import find_domain
from notifications.renewing.boxes import boxes_of

LOOK_PAGES: Mapping[str, str] = {
    TargetRun.Kind.TEST: "_test.html",
    TargetRun.Kind.DETECT: "_detection.html",
    TargetRun.Kind.FIX_REDIRECT: "redirects/_run.html",
}


@require_GET
@workspace_view("target.view")
def show_tab(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    targets = shown.targets_of(domain)
    for target in targets:
        if str(target.pk) == request.GET.get("apply") and fill_in(target):
            messages.info(request, "The suggestions are filled in and not saved yet. Review them, then save.")
    forms = [TargetForm(domain=domain, target=target) for target in targets]
    if not targets or "add" in request.GET:
        forms.append(TargetForm(domain=domain))
    return render(request, "deploy/renew_deploy.html", tab_context(request, domain, targets, forms))


@require_POST
@workspace_view("target.edit")
def save(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`Save deployment settings`: every row complete, or none is saved."""
    domain = find_domain(workspace, domain_id)
    targets, forms = read_rows(request, domain)
    kept = keep_rows(forms, actor=request.actor, draft=False)
    if not kept:
        return refuse(request, domain, targets, forms or [TargetForm(request.POST, domain=domain)])
    messages.success(request, "Deployment settings saved.")
    if shown.is_deploying(domain):
        messages.info(request, "What was not in place there yet is being deployed now.")
    return to_tab(domain)


@require_POST
@workspace_view("target.edit")
def add(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`Add server`: keep what was typed as drafts and open an empty row."""
    domain = find_domain(workspace, domain_id)
    targets, forms = read_rows(request, domain)
    if forms and not keep_rows(forms, actor=request.actor, draft=True):
        return refuse(request, domain, targets, forms)
    return HttpResponseRedirect(f"{tab_url(domain)}?add=1#server-new")


@require_POST
@workspace_view("target.test")
def test(request: WorkspaceRequest, workspace: Workspace, target_id: uuid.UUID) -> HttpResponse:
    """`Test SSH` of a known row."""
    target = find_target(workspace, target_id)
    return keep_and_look(request, target.domain, str(target.pk), start_test)


@require_POST
@workspace_view("target.test")
def test_new(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`Test SSH` of the row that is not stored yet."""
    return keep_and_look(request, find_domain(workspace, domain_id), NEW, start_test)


@require_POST
@workspace_view("target.test")
def detect(request: WorkspaceRequest, workspace: Workspace, target_id: uuid.UUID) -> HttpResponse:
    """`Detect platform` of a known row; the site itself is looked at as well."""
    target = find_target(workspace, target_id)
    with contextlib.suppress(Transient):  # It was looked at a moment ago.
        ask_for_detection(domain=target.domain, actor=request.actor)
    return keep_and_look(request, target.domain, str(target.pk), start_detection)


@require_POST
@workspace_view("target.test")
def detect_new(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`Detect platform` of the row that is not stored yet."""
    return keep_and_look(request, find_domain(workspace, domain_id), NEW, start_detection)


def keep_and_look(request: WorkspaceRequest, domain: Domain, row: str, start: Callable[..., TargetRun]) -> HttpResponse:
    """All rows are kept first, as drafts where they are not complete; then the one called `row` is looked at."""
    targets, forms = read_rows(request, domain)
    kept = keep_rows(forms, actor=request.actor, draft=True)
    if row not in kept:
        return refuse(request, domain, targets, forms or [TargetForm(request.POST, domain=domain)])
    start(target=kept[row], actor=request.actor)
    return HttpResponseRedirect(f"{tab_url(domain)}#server-{kept[row].pk}")


@require_POST
@workspace_view("server.trust")
def trust(request: WorkspaceRequest, workspace: Workspace, target_id: uuid.UUID) -> HttpResponse:
    """`Trust this key`: pins the fingerprint that was shown, not whatever is seen meanwhile."""
    target = find_target(workspace, target_id)
    try:
        trust_server(server=target.server, fingerprint=request.POST.get("fingerprint", ""), actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, f"The host key of {target.server.label} is trusted from now on.")
    return HttpResponseRedirect(f"{tab_url(target.domain)}#server-{target.pk}")


@require_http_methods(["GET", "POST"])
@workspace_view("target.edit")
def delete(request: WorkspaceRequest, workspace: Workspace, target_id: uuid.UUID) -> HttpResponse:
    target = find_target(workspace, target_id)
    label = target.server.label
    if request.method == "POST":
        try:
            delete_target(target=target, actor=request.actor)
        except ExpectedError as error:
            messages.error(request, in_one_line(error))
        else:
            messages.success(request, f"{label} is no longer deployed to.")
        return to_tab(target.domain)
    context = {
        "section": "domains",
        "title": f"Remove {label} from {target.domain.label}?",
        "text": "New certificates are no longer installed there. The files that lie there stay, and the server goes on "
        "serving them until they expire.",
        "label": "Remove server",
        "back_url": tab_url(target.domain),
    }
    return render(request, "confirm_page.html", context)


@require_POST
@workspace_view("deploy.run")
def deploy(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`Deploy now`."""
    domain = find_domain(workspace, domain_id)
    try:
        deployment, _ = start_deployment(domain=domain, certificate=None, actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
        return to_tab(domain)
    return redirect("deploy:deployment-show", workspace.pk, deployment.pk)


@require_http_methods(["GET", "POST"])
@workspace_view("deploy.run")
def undo(request: WorkspaceRequest, workspace: Workspace, deployment_id: uuid.UUID) -> HttpResponse:
    """`Undo last deploy`, after being asked once more."""
    deployment = find_deployment(workspace, deployment_id)
    url = reverse("deploy:deployment-show", args=[workspace.pk, deployment.pk])
    if request.method == "POST":
        try:
            start_undo(deployment=deployment, actor=request.actor)
        except ExpectedError as error:
            messages.error(request, in_one_line(error))
        return HttpResponseRedirect(url)
    context = {
        "section": "domains",
        "title": f"Undo the last deployment to {deployment.domain.label}?",
        "text": "The files that it replaced come back on each server, and the reload commands are run again; a hosting "
        "panel gets the certificate before it once more. What was deployed before counts as wanted then.",
        "label": "Undo last deploy",
        "back_url": url,
    }
    return render(request, "confirm_page.html", context)


@require_GET
@workspace_view("deploy.view")
def show_deployment(request: WorkspaceRequest, workspace: Workspace, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = find_deployment(workspace, deployment_id)
    context = deployment_context(request, deployment) | domain_context(deployment.domain, "deploy")
    return render(request, "deploy/deployment.html", context)


@require_GET
@workspace_view("deploy.view")
def show_deployment_live(request: WorkspaceRequest, workspace: Workspace, deployment_id: uuid.UUID) -> HttpResponse:
    """The runs alone, for the page that polls them."""
    if not request.htmx:
        return redirect("deploy:deployment-show", workspace.pk, deployment_id)
    deployment = find_deployment(workspace, deployment_id)
    return render(request, "deploy/_deployment.html", deployment_context(request, deployment))


@require_GET
@workspace_view("deploy.view")
def show_run_live(request: WorkspaceRequest, workspace: Workspace, run_id: uuid.UUID) -> HttpResponse:
    """One test's steps, for the row that polls them."""
    rows = TargetRun.objects.for_workspace(workspace).filter(kind__in=list(LOOK_PAGES))
    rows = rows.select_related("server", "target", "domain")
    run = get_object_or_404(rows.prefetch_related(shown.STEPS), pk=run_id)
    if not request.htmx:
        return to_tab(run.domain)
    context = {"look": shown.show_run(run), "workspace": workspace, **abilities(request)}
    return render(request, f"deploy/{LOOK_PAGES[run.kind]}", context)


def find_target(workspace: Workspace, target_id: uuid.UUID) -> Target:
    rows = Target.objects.for_workspace(workspace).select_related("server", "domain__workspace")
    return get_object_or_404(rows, pk=target_id)


def find_deployment(workspace: Workspace, deployment_id: uuid.UUID) -> Deployment:
    rows = Deployment.objects.for_workspace(workspace).select_related("domain__workspace", "certificate")
    return get_object_or_404(rows, pk=deployment_id)


def read_rows(request: WorkspaceRequest, domain: Domain) -> tuple[list[Target], list[TargetForm]]:
    targets = shown.targets_of(domain)
    return targets, bound_rows(request.POST, domain, targets)


def keep_rows(forms: Sequence[TargetForm], *, actor: Actor, draft: bool) -> dict[str, Target]:
    """Save all rows, by their keys; none when one of them is wrong, which the forms then say."""
    wrong = [form for form in forms if not (form.is_valid() and (draft or form.require_complete()))]
    if wrong:
        return {}
    kept: dict[str, Target] = {}
    with transaction.atomic():
        for form in forms:
            try:
                kept[form.key] = keep_row(form, actor=actor, draft=draft)
            except ExpectedError as error:
                form.add_expected("host", error)
                transaction.set_rollback(True)
                return {}
    return kept


def keep_row(form: TargetForm, *, actor: Actor, draft: bool) -> Target:
    """Save one valid row with its server."""
    domain, target = form.domain, form.target
    lock_targets(domain)
    if target:
        server = move_target(target=target, access=form.access, actor=actor, draft=draft)
    else:
        server = find_or_make_server(workspace=domain.workspace, access=form.access, actor=actor, draft=draft)
    return save_target(domain=domain, server=server, chosen=form.placement, actor=actor, target=target, draft=draft)


def refuse(
    request: WorkspaceRequest, domain: Domain, targets: Sequence[Target], forms: Sequence[TargetForm]
) -> HttpResponse:
    """The form again with what is wrong in it."""
    context = tab_context(request, domain, targets, forms)
    return render(request, "deploy/renew_deploy.html", context, status=422)


def tab_context(
    request: WorkspaceRequest, domain: Domain, targets: Sequence[Target], forms: Sequence[TargetForm]
) -> dict[str, Any]:
    rows = shown.rows_of(forms)
    install = install_context(domain, has_servers=bool(targets))
    latest = shown.latest_deployment(domain)
    certificate = newest_certificate(domain)
    panels = [one.place for one in install["panels"]]
    return {
        **domain_context(domain, "deploy"),
        **abilities(request),
        **install,
        "rows": rows,
        "targets": targets,
        "certificate": certificate,
        "upload_form": UploadForm(),
        "missing": what_is_missing(targets, panels, has_certificate=certificate is not None),
        "deployment": latest,
        "daemons": shown.daemon_lines(targets),
        "modes": cards_of(domain),
        "auto_renew": auto_renew_of(domain),
        "readiness": readiness_of(domain),
        "boxes": boxes_of(domain),
        "may_choose_boxes": is_allowed(request.role, "rule.edit"),
        "hosting": hosting_shown(hosting_of(domain)),
        "is_live": any(look and look.run.is_open for row in rows for look in (row.test, row.detection))
        or any(one.is_live for one in install["panels"]),
    }


def deployment_context(request: WorkspaceRequest, deployment: Deployment) -> dict[str, Any]:
    runs = shown.show_deployment(deployment)
    undone = shown.show_undone(deployment)
    return {
        "deployment": deployment,
        "certificate": deployment.certificate,
        "runs": runs,
        "undone": undone,
        "has_come_back": shown.has_come_back(undone),
        "may_undo": deployment.state != Deployment.State.RUNNING and can_undo(deployment),
        "standing": last_deployment(deployment.domain_id) if deployment.undone_at else None,
        "is_live": deployment.state == Deployment.State.RUNNING or shown.is_being_undone(deployment),
        "workspace": request.workspace,
        **abilities(request),
    }


def abilities(request: WorkspaceRequest) -> dict[str, bool]:
    """What this person may do on these pages."""
    return {
        "may_edit": is_allowed(request.role, "target.edit"),
        "may_trust": is_allowed(request.role, "server.trust"),
        "may_deploy": is_allowed(request.role, "deploy.run"),
        "may_rehearse": is_allowed(request.role, "target.test"),
        "may_issue": is_allowed(request.role, "certificate.issue"),
        "may_edit_panels": is_allowed(request.role, "panel.edit"),
        "may_doubt": is_allowed(request.role, "domain.edit"),
        "may_upload": is_allowed(request.role, "certificate.upload"),
    }


def tab_url(domain: Domain) -> str:
    return reverse("deploy:domain-deploy", args=[domain.workspace_id, domain.pk])


def to_tab(domain: Domain) -> HttpResponse:
    return HttpResponseRedirect(tab_url(domain))
