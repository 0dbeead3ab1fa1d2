"""Answers the certificates room: which targets were last seen serving a certificate, and where one lies."""

import uuid

from django.urls import reverse

from certificates.arrivals import arrivals
from certificates.models import Certificate
from certificates.serving import Place, Reporter, reporters
from config.lib.later import later
from deploy.models import Target

PLACES_TOLD = 50


def _serving(certificate: Certificate) -> list[uuid.UUID]:
    targets = certificate.installed_on.all()
    return [target.pk for target in targets if target.last_status == Target.Status.OK]


def _places(certificate: Certificate) -> list[Place]:
    targets = certificate.installed_on.select_related("server", "domain").order_by("position", "id")[:PLACES_TOLD]
    return [_place(target) for target in targets]


def _place(target: Target) -> Place:
    states = {Target.Status.OK: "serving", Target.Status.PARTIAL: "installed", Target.Status.FAILED: "failed"}
    url = reverse("deploy:domain-deploy", args=[target.workspace_id, target.domain_id])
    state = states.get(Target.Status(target.last_status), "") if target.last_status else "waiting"
    return Place(f"{target.server.label}, for {target.domain.label}", url, state, target.last_run_at)


reporters.add("deploy", Reporter("installed_on", _serving, _places))
arrivals.add("deploy", later("deploy.arriving.deploy_arrival"))
