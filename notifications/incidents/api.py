"""The API about incidents: a domain's findings, acknowledged."""

import uuid
from typing import Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, operation, routers
from domains.findings import NOTE_AT_MOST
from domains.models import Finding
from domains.shapes import FindingOut, load_bare_domain, show_finding
from notifications.incidents.acknowledging import acknowledge, unacknowledge

router = Router(tags=["Alerts"])
routers.add("incidents", router)


class NewNote(Schema):
    note: str = Field(
        "",
        max_length=NOTE_AT_MOST,
        description="Why it stays as it is, or who takes care of it.",
        examples=["Ann replaces the server on Friday."],
    )


def load_finding(request: ApiRequest, domain_id: uuid.UUID, finding_id: uuid.UUID) -> Finding:
    domain = load_bare_domain(request, domain_id)
    return get_object_or_404(Finding.objects.for_workspace(request.workspace), domain=domain, pk=finding_id)


@operation(
    router,
    "POST",
    "/domains/{id}/findings/{finding_id}/acknowledge",
    "finding.acknowledge",
    load=load_finding,
    body=NewNote,
    response=FindingOut,
    errors={"finding_closed": 409},
    summary="Acknowledge a finding",
)
def post_acknowledgement(request: ApiRequest, finding: Finding, body: NewNote) -> dict[str, Any]:
    """Nobody is reminded of it any more; it stays open until it is over."""
    acknowledge(finding=finding, actor=request.actor, note=body.note)
    return show_finding(Finding.objects.for_workspace(request.workspace).get(pk=finding.pk))


@operation(
    router,
    "DELETE",
    "/domains/{id}/findings/{finding_id}/acknowledge",
    "finding.acknowledge",
    load=load_finding,
    response=FindingOut,
    errors={"finding_closed": 409},
    summary="Be reminded of a finding again",
)
def delete_acknowledgement(request: ApiRequest, finding: Finding) -> dict[str, Any]:
    """The note goes too."""
    unacknowledge(finding=finding, actor=request.actor)
    return show_finding(Finding.objects.for_workspace(request.workspace).get(pk=finding.pk))
