"""The API about delegations."""

import uuid
from typing import Annotated, Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, ListQuery, Page, Status, bad_field, operation, page_of, routers
from certificates.dns.delegations import add_delegation, check_now, remove_delegation
from certificates.dns.providers import api as providers_api  # noqa: F401  (its operations register themselves)
from certificates.dns.shapes import DelegationOut, show_delegation
from certificates.models import Delegation
from config.lib import jobs
from domains.models import Domain
from domains.shapes import load_bare_domain

router = Router(tags=["Certificates"])
routers.add("delegations", router)


class DelegationIn(Schema):
    host: Annotated[str, Field(max_length=300)] = Field(
        "", description="The name to hand over; when empty, the domain's own host.", examples=["www.example.net"]
    )


def load_delegation(request: ApiRequest, key: uuid.UUID) -> Delegation:
    rows = Delegation.objects.for_workspace(request.workspace).select_related("domain")
    return get_object_or_404(rows.prefetch_related("values"), pk=key)


@operation(
    router,
    "GET",
    "/domains/{id}/delegations",
    "certificate.view",
    load=load_bare_domain,
    query=ListQuery,
    response=Page[DelegationOut],
    summary="List a domain's delegations",
)
def list_delegations(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, Any]:
    rows = Delegation.objects.for_workspace(request.workspace).filter(domain=domain)
    return page_of(rows.prefetch_related("values"), query, show_delegation)


@operation(
    router,
    "POST",
    "/domains/{id}/delegations",
    "certificate.issue",
    load=load_bare_domain,
    body=DelegationIn,
    response={200: DelegationOut, 201: DelegationOut},
    errors={"dns_zone_missing": 409, "delegations_full": 409, "names_not_proven": 409},
    summary="Hand a name's challenges to this portal",
)
def post_delegation(request: ApiRequest, domain: Domain, body: DelegationIn) -> Status:
    """Answers with the one CNAME to publish. 200: the workspace has it already, and this is it."""
    with bad_field("host"):
        row, is_new = add_delegation(domain=domain, host=body.host or domain.host, actor=request.actor)
    return Status(201 if is_new else 200, show_delegation(row))


@operation(
    router,
    "GET",
    "/delegations/{id}",
    "certificate.view",
    load=load_delegation,
    response=DelegationOut,
    summary="Show a delegation",
)
def get_delegation(request: ApiRequest, delegation: Delegation) -> dict[str, Any]:
    return show_delegation(delegation)


@operation(
    router,
    "POST",
    "/delegations/{id}/check",
    "certificate.issue",
    load=load_delegation,
    response=DelegationOut,
    errors={},
    summary="Look for a delegation's CNAME now",
)
def post_check(request: ApiRequest, delegation: Delegation) -> dict[str, Any]:
    """Waits some seconds for the look; `checked_at` tells whether it came."""
    before = delegation.checked_at
    check_now(delegation)

    def is_done() -> bool:
        delegation.refresh_from_db()
        return delegation.checked_at != before

    jobs.wait_for(is_done)
    return show_delegation(delegation)


@operation(
    router,
    "DELETE",
    "/delegations/{id}",
    "certificate.issue",
    load=load_delegation,
    status=204,
    errors={},
    summary="Remove a delegation",
)
def delete_delegation(request: ApiRequest, delegation: Delegation) -> None:
    """Nothing is answered at its target any more; the CNAME may be removed."""
    remove_delegation(delegation=delegation, actor=request.actor)
