"""The API about servers, targets, their runs, and deployments."""

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.shortcuts import get_object_or_404
from ninja import Router

from accounts.api import Accepted, ApiRequest, ListQuery, Page, Status, operation, page_of, routers
from certificates.models import Certificate
from config.lib import jobs
from deploy.deployments import require_deployable, running_deployment, start_deployment
from deploy.http01 import api as http01_api  # noqa: F401  (it registers its own operation)
from deploy.http01.renewing import RenewalRun, find_renewal_run, show_renewal_run
from deploy.inputs import (
    DeployIn,
    ServerIn,
    TargetIn,
    TrustIn,
    naming_missing_parts,
    read_access,
    read_fingerprint,
    read_placement,
)
from deploy.loading import load_target
from deploy.models import Deployment, Server, Target, TargetRun
from deploy.panels import api as panels_api  # noqa: F401  (its operations register themselves)
from deploy.paying import require_affordable
from deploy.readiness import api as readiness_api  # noqa: F401  (it registers its own operations)
from deploy.redirects import api as redirects_api  # noqa: F401  (it registers its own operations)
from deploy.servers import change_server, delete_server, find_or_make_server, trust_server
from deploy.shapes import (
    DeploymentOut,
    RunOut,
    ServerOut,
    TargetOut,
    show_deployment,
    show_run,
    show_server,
    show_target,
)
from deploy.shown import RUNS
from deploy.targets import delete_target, lock_targets, move_target, save_target, start_detection, start_test
from deploy.undoing import start_undo
from deploy.waiting import settled_run
from domains.models import Domain
from domains.shapes import load_bare_domain

router = Router(tags=["Deployment"])
routers.add("deploy", router)


def load_server(request: ApiRequest, key: uuid.UUID) -> Server:
    return get_object_or_404(Server.objects.for_workspace(request.workspace), pk=key)


def load_run(request: ApiRequest, key: uuid.UUID) -> TargetRun | RenewalRun:
    rows = TargetRun.objects.for_workspace(request.workspace).prefetch_related("steps")
    return rows.filter(pk=key).first() or find_renewal_run(request.workspace, key)


def load_deployment(request: ApiRequest, key: uuid.UUID) -> Deployment:
    return get_object_or_404(Deployment.objects.for_workspace(request.workspace), pk=key)


@operation(
    router, "GET", "/servers", "server.view", query=ListQuery, response=Page[ServerOut], summary="List the servers"
)
def list_servers(request: ApiRequest, query: ListQuery) -> dict[str, object]:
    return page_of(Server.objects.for_workspace(request.workspace), query, show_server)


@operation(router, "GET", "/servers/{id}", "server.view", load=load_server, response=ServerOut, summary="Show a server")
def get_server(request: ApiRequest, server: Server) -> dict[str, object]:
    return show_server(server)


@operation(
    router,
    "PATCH",
    "/servers/{id}",
    "server.edit",
    load=load_server,
    body=ServerIn,
    response=ServerOut,
    errors={"server_exists": 409, "target_half_done": 409},
    summary="Change a server",
)
def patch_server(request: ApiRequest, server: Server, body: ServerIn) -> dict[str, object]:
    """Another host or port is another machine: the trusted host key goes."""
    return show_server(change_server(server=server, access=read_access(body, server), actor=request.actor))


@operation(
    router,
    "DELETE",
    "/servers/{id}",
    "server.edit",
    load=load_server,
    status=204,
    errors={"server_in_use": 409},
    summary="Forget a server and destroy its key",
)
def remove_server(request: ApiRequest, server: Server) -> None:
    delete_server(server=server, actor=request.actor)


@operation(
    router,
    "POST",
    "/servers/{id}/trust",
    "server.trust",
    load=load_server,
    body=TrustIn,
    response=ServerOut,
    errors={},
    summary="Trust a server's host key",
)
def post_server_trust(request: ApiRequest, server: Server, body: TrustIn) -> dict[str, object]:
    """From now on any other key stops every connection. Targets that wait for it are deployed."""
    fingerprint = read_fingerprint(body.fingerprint, "fingerprint")
    return show_server(trust_server(server=server, fingerprint=fingerprint, actor=request.actor))


@operation(
    router,
    "GET",
    "/domains/{id}/targets",
    "target.view",
    load=load_bare_domain,
    query=ListQuery,
    response=Page[TargetOut],
    summary="List a domain's targets",
)
def list_targets(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, object]:
    rows = Target.objects.for_workspace(request.workspace).filter(domain=domain).select_related("server", "domain")
    return page_of(rows, query, show_target)


@operation(
    router,
    "POST",
    "/domains/{id}/targets",
    "target.edit",
    load=load_bare_domain,
    body=TargetIn,
    response=TargetOut,
    status=201,
    errors={"server_exists": 409, "target_half_done": 409},
    summary="Add a target",
)
def post_target(request: ApiRequest, domain: Domain, body: TargetIn) -> dict[str, object]:
    """Takes a server's fields flat, which is then found or made, or the id of a known `server`."""
    known = load_server(request, body.server) if body.server else None
    access = read_access(body, known)
    chosen, draft = read_placement(body), bool(body.draft)
    pinned = read_fingerprint(body.host_key_fingerprint, "host_key_fingerprint") if body.host_key_fingerprint else ""
    with transaction.atomic(), naming_missing_parts():
        lock_targets(domain)
        if known:
            server = change_server(server=known, access=access, actor=request.actor, draft=draft)
        else:
            server = find_or_make_server(workspace=request.workspace, access=access, actor=request.actor, draft=draft)
        target = save_target(domain=domain, server=server, chosen=chosen, actor=request.actor, draft=draft)
        if pinned:
            trust_server(server=server, fingerprint=pinned, actor=request.actor)
    return show_target(target)


@operation(router, "GET", "/targets/{id}", "target.view", load=load_target, response=TargetOut, summary="Show a target")
def get_target(request: ApiRequest, target: Target) -> dict[str, object]:
    return show_target(target)


@operation(
    router,
    "PATCH",
    "/targets/{id}",
    "target.edit",
    load=load_target,
    body=TargetIn,
    response=TargetOut,
    errors={"server_exists": 409, "target_half_done": 409},
    summary="Change a target",
)
def patch_target(request: ApiRequest, target: Target, body: TargetIn) -> dict[str, object]:
    """What is saved and no draft is deployed by itself when that changes something."""
    named = load_server(request, body.server) if body.server else None
    access = read_access(body, named or target.server)
    chosen = read_placement(body, target)
    draft = target.is_draft if body.draft is None else body.draft
    pinned = read_fingerprint(body.host_key_fingerprint, "host_key_fingerprint") if body.host_key_fingerprint else ""
    with transaction.atomic(), naming_missing_parts():
        lock_targets(target.domain)
        if named:
            server = change_server(server=named, access=access, actor=request.actor, draft=draft)
        else:
            server = move_target(target=target, access=access, actor=request.actor, draft=draft)
        if pinned:
            trust_server(server=server, fingerprint=pinned, actor=request.actor)
        save_target(domain=target.domain, server=server, chosen=chosen, actor=request.actor, target=target, draft=draft)
    return show_target(target)


@operation(
    router,
    "DELETE",
    "/targets/{id}",
    "target.edit",
    load=load_target,
    status=204,
    errors={"target_half_done": 409},
    summary="Stop deploying to a target",
)
def remove_target(request: ApiRequest, target: Target) -> None:
    """The files on the server stay."""
    delete_target(target=target, actor=request.actor)


@operation(
    router,
    "POST",
    "/targets/{id}/test",
    "target.test",
    load=load_target,
    response={200: RunOut, 202: Accepted},
    errors={},
    summary="Test SSH",
)
def post_test(request: ApiRequest, target: Target) -> Status:
    """Signs in and looks; changes nothing and pins nothing. The run says how each step went."""
    return settled_run(start_test(target=target, actor=request.actor))


@operation(
    router,
    "POST",
    "/targets/{id}/detect",
    "target.test",
    load=load_target,
    response={200: RunOut, 202: Accepted},
    errors={},
    summary="Detect platform",
)
def post_detect(request: ApiRequest, target: Target) -> Status:
    """Reads what runs there and how it is configured; changes nothing. The target's `detected` holds what fits."""
    return settled_run(start_detection(target=target, actor=request.actor))


@operation(
    router,
    "POST",
    "/targets/{id}/trust",
    "server.trust",
    load=load_target,
    body=TrustIn,
    response=TargetOut,
    errors={},
    summary="Trust the host key of a target's server",
)
def post_target_trust(request: ApiRequest, target: Target, body: TrustIn) -> dict[str, object]:
    fingerprint = read_fingerprint(body.fingerprint, "fingerprint")
    trust_server(server=target.server, fingerprint=fingerprint, actor=request.actor)
    return show_target(target)


@operation(router, "GET", "/runs/{id}", "deploy.view", load=load_run, response=RunOut, summary="Show a run")
def get_run(request: ApiRequest, run: TargetRun | RenewalRun) -> dict[str, object]:
    return show_renewal_run(run) if isinstance(run, RenewalRun) else show_run(run)


@operation(
    router,
    "GET",
    "/domains/{id}/deployments",
    "deploy.view",
    load=load_bare_domain,
    query=ListQuery,
    response=Page[DeploymentOut],
    summary="List a domain's deployments",
)
def list_deployments(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, object]:
    rows = Deployment.objects.for_workspace(request.workspace).filter(domain=domain)
    return page_of(rows.prefetch_related(*RUNS), query, show_deployment)


def refuse_undeployable(_request: ApiRequest, domain: Domain) -> None:
    certificate, places = require_deployable(domain)
    if running_deployment(domain) is None:
        require_affordable(domain, certificate, places)


@operation(
    router,
    "POST",
    "/domains/{id}/deployments",
    "deploy.run",
    load=load_bare_domain,
    check=refuse_undeployable,
    body=DeployIn,
    response={201: DeploymentOut, 202: Accepted},
    errors={"deploy_no_certificate": 409, "deploy_no_target": 409, "balance_too_low": 402},
    summary="Deploy to every target",
)
def post_deployment(request: ApiRequest, domain: Domain, body: DeployIn) -> Status:
    """While one runs already, 202 with that one, unless another certificate is asked for: then it follows."""
    rows = Certificate.objects.for_workspace(request.workspace).filter(domain=domain)
    chosen = get_object_or_404(rows, pk=body.certificate) if body.certificate else None
    deployment, is_new = start_deployment(domain=domain, certificate=chosen, actor=request.actor)
    if is_new and jobs.wait_for(lambda: has_ended(deployment)):
        return Status(201, show_deployment(deployment))
    return Status(202, {"id": deployment.pk, "url": f"/api/deployments/{deployment.pk}"})


@operation(
    router,
    "GET",
    "/deployments/{id}",
    "deploy.view",
    load=load_deployment,
    response=DeploymentOut,
    summary="Show a deployment",
)
def get_deployment(request: ApiRequest, deployment: Deployment) -> dict[str, object]:
    return show_deployment(deployment)


@operation(
    router,
    "POST",
    "/deployments/{id}/undo",
    "deploy.run",
    load=load_deployment,
    response={200: DeploymentOut, 202: Accepted},
    errors={"undo_while_running": 409, "undo_revoked": 409, "undo_nothing_kept": 409},
    summary="Undo the last deployment",
)
def post_undo(request: ApiRequest, deployment: Deployment) -> Status:
    """The files that it replaced come back on each target, and the deployment before it counts as wanted again.

    A panel gets the certificate of that one, as long as it is valid. Nothing that is revoked comes back.
    """
    runs = start_undo(deployment=deployment, actor=request.actor)
    if jobs.wait_for(lambda: not are_open(runs)):
        deployment.refresh_from_db()
        return Status(200, show_deployment(deployment))
    return Status(202, {"id": deployment.pk, "url": f"/api/deployments/{deployment.pk}"})


def are_open(runs: Sequence[TargetRun]) -> bool:
    keys = [run.pk for run in runs]
    return TargetRun.unscoped.filter(pk__in=keys, state__in=TargetRun.OPEN_STATES).exists()


def has_ended(deployment: Deployment) -> bool:
    deployment.refresh_from_db()
    return deployment.state != Deployment.State.RUNNING
