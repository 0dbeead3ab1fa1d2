"""Answers the certificates room: which targets were last seen serving a certificate, and where one lies."""

import uuid
from collections.abc import Iterable

from django.urls import reverse

from certificates.arrivals import arrivals
from certificates.models import Certificate
from certificates.serving import Place, Reporter, reporters
from config.lib.later import later
from deploy.models import Target
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


reporters.add("deploy", Reporter("installed_on", _serving, _places))
reporters.add("panels", Reporter("installed_by_panel", _serving_by_panel, _places_at_panels))
arrivals.add("deploy", later("deploy.arriving.deploy_arrival"))
