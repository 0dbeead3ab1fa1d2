"""Answers the certificates room: which targets were last seen serving a certificate, and where one lies."""

import uuid
from collections.abc import Iterable

from django.urls import reverse

from accounts.models import Workspace
from certificates.arrivals import arrivals
from certificates.models import Certificate
from certificates.replacing.choosing import Holder, holders
from certificates.serving import Place, Reporter, reporters
from config.lib.later import later
from deploy.models import Server, Target, TargetRun
from deploy.reconcile import Place as ReconciledPlace
from deploy.reconcile import label_of

PLACES_TOLD = 50


def _serving(certificate: Certificate) -> list[uuid.UUID]:
    return _well(certificate.installed_on.all())


def _serving_by_panel(certificate: Certificate) -> list[uuid.UUID]:
    return _well(certificate.installed_by_panel.all())


def _well(places: Iterable[ReconciledPlace]) -> list[uuid.UUID]:
    return [place.pk for place in places if place.last_status == Target.Status.OK]


def _places(certificate: Certificate) -> list[Place]:
    targets = certificate.installed_on.select_related("server", "domain").order_by("position", "id")[:PLACES_TOLD]
    return [_place(target) for target in targets]


def _places_at_panels(certificate: Certificate) -> list[Place]:
    rows = certificate.installed_by_panel.select_related("account", "domain").order_by("created_at", "id")
    return [_place(row) for row in rows[:PLACES_TOLD]]


def _place(target: ReconciledPlace) -> Place:
    states = {Target.Status.OK: "serving", Target.Status.PARTIAL: "installed", Target.Status.FAILED: "failed"}
    url = reverse("deploy:domain-deploy", args=[target.workspace_id, target.domain_id])
    state = states.get(Target.Status(target.last_status), "") if target.last_status else "waiting"
    return Place(f"{label_of(target)}, for {target.domain.label}", url, state, target.last_run_at)


def _servers(workspace: Workspace) -> list[tuple[str, str]]:
    return [(str(server.pk), server.label) for server in Server.objects.for_workspace(workspace).order_by("host", "pk")]


def _held_by(workspace: Workspace, server_id: uuid.UUID) -> set[uuid.UUID]:
    """All that it has now, and all that a run ever began to bring there: the key was written before it failed."""
    targets = Target.objects.for_workspace(workspace).filter(server=server_id, installed_certificate__isnull=False)
    runs = TargetRun.objects.for_workspace(workspace).filter(server=server_id, certificate__isnull=False)
    kinds = (TargetRun.Kind.DEPLOY, TargetRun.Kind.UNDO)
    return {
        *targets.values_list("installed_certificate_id", flat=True),
        *runs.filter(kind__in=kinds).values_list("certificate_id", flat=True),
    }


holders.add("deploy", Holder(_servers, _held_by))
reporters.add("deploy", Reporter("installed_on", _serving, _places))
reporters.add("panels", Reporter("installed_by_panel", _serving_by_panel, _places_at_panels))
arrivals.add("deploy", later("deploy.arriving.deploy_arrival"))
