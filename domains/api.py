"""The API about domains, their verification and their inspections."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field, field_validator

from accounts.api import Accepted, ApiRequest, ListQuery, OneOf, Page, Status, bad_field, operation, page_of, routers
from config.lib import jobs
from domains.add import (
    NOTES_AT_MOST,
    add_domain,
    change_domain,
    delete_domain,
    parse_notes,
    parse_tags,
    parse_target,
)
from domains.addresses import api as addresses_api  # noqa: F401  (it registers its own operations)
from domains.authorities import api as authorities_api  # noqa: F401  (it registers its own operations)
from domains.batches import api as batches_api  # noqa: F401  (it registers its own operations)
from domains.feeds import api as feeds_api  # noqa: F401  (it registers its own operations)
from domains.listing import Wanted, matching, ownerships_for, searched
from domains.models import Domain, Finding, Inspection, Ownership, State, Visit
from domains.ownership import ask_for_check, ownership_of
from domains.protocols import PROTOCOLS, parse_port, parse_protocol
from domains.shapes import ChangeOut, DomainOut, InspectionOut, VerifyOut, show_change, show_domain, show_inspection
from domains.uptime import api as uptime_api  # noqa: F401  (it registers its own operations)
from domains.visit import ask_for_visit

router = Router(tags=["Domains"])
routers.add("domains", router)


NOTES = Field(
    description=f"Free text, at most {NOTES_AT_MOST:,} characters.", max_length=4_000, examples=["Renewed by Ann."]
)
TAGS = Field(description="Words to file it under; kept in lower case.", max_length=100, examples=[["shop"]])


class NewDomain(Schema):
    hostname: str = Field(
        max_length=300, description="A public host name, or `host:port`.", examples=["shop.example.net"]
    )
    port: int | None = Field(
        None,
        description="Where it is spoken: the protocol's own when absent (443 for TLS), another well-known port of a "
        "protocol, or one from 1024 on.",
        json_schema_extra={"minimum": 1, "maximum": 65535},
    )
    protocol: Annotated[str, OneOf(PROTOCOLS)] | None = Field(
        None,
        description="How TLS begins: `tls` at once, the others by STARTTLS or their own request. Follows from the "
        "port when absent; on a well-known port of one protocol another one is refused, except `tls`.",
    )
    tags: Annotated[list[str], TAGS] = []
    notes: Annotated[str, NOTES] = ""


class DomainChange(Schema):
    """Absent fields stay as they are."""

    tags: Annotated[list[str], TAGS] | None = None
    notes: Annotated[str, NOTES] | None = None


class DomainQuery(ListQuery):
    state: Annotated[str, OneOf(("", *State.values))] = Field("", description="Only domains in this state.")
    tag: str = Field("", max_length=40, description="Only domains with this tag.")
    q: str = Field("", max_length=253, description="Only host names that contain this, in either script.")

    @field_validator("state")
    @classmethod
    def known_state(cls, state: str) -> str:
        if state and state not in State.values:
            raise ValueError(f"No state of a domain; those are {', '.join(State.values)}.")
        return state


def load_domain(request: ApiRequest, domain_id: uuid.UUID) -> Domain:
    """The `load` of every operation on a domain: 404 for unknown and foreign ids alike."""
    return get_object_or_404(complete(Domain.objects.for_workspace(request.workspace)), pk=domain_id)


def complete(rows: QuerySet[Domain]) -> QuerySet[Domain]:
    """Everything that `show_domain` reads, in a constant number of queries."""
    findings = Prefetch("findings", Finding.unscoped.filter(closed_at=None), to_attr="open_rows")
    return rows.select_related("workspace", "visit__inspection", "hosting").prefetch_related("tag_rows", findings)


def show_all(domains: Sequence[Domain]) -> list[dict[str, Any]]:
    ownerships = ownerships_for(domains)
    return [show_domain(domain, ownerships.get(domain.pk) or ownership_of(domain)) for domain in domains]


def show_fresh(domain: Domain) -> dict[str, Any]:
    """The domain as it is now, read again after waiting."""
    return show_all([complete(Domain.unscoped.all()).get(pk=domain.pk)])[0]


@operation(
    router,
    "GET",
    "/domains",
    "domain.view",
    query=DomainQuery,
    response=Page[DomainOut],
    summary="List the domains",
)
def list_domains(request: ApiRequest, query: DomainQuery) -> dict[str, Any]:
    wanted = Wanted(q=searched(query.q), tag=query.tag.strip().lower(), state=query.state)
    rows = complete(matching(workspace=request.workspace, wanted=wanted))
    page = page_of(rows, query, lambda domain: domain)
    return {**page, "items": show_all(page["items"])}


@operation(
    router,
    "POST",
    "/domains",
    "domain.add",
    body=NewDomain,
    response=DomainOut,
    status=201,
    errors={"domain_exists": 409, "confirm_address_first": 409, "checked_too_often": 429},
    summary="Add a domain",
)
def post_domain(request: ApiRequest, body: NewDomain) -> dict[str, Any]:
    """Answers as soon as the first visit has ended, whatever it found, or after ten seconds without one."""
    with bad_field("hostname"):
        parse_target(body.hostname, None)
    with bad_field("port"):
        if body.port is not None:
            parse_port(body.port)
        _, port = parse_target(body.hostname, body.port, body.protocol)
    with bad_field("protocol"):
        parse_protocol(body.protocol, port)
    with bad_field("tags"):
        parse_tags(body.tags)
    with bad_field("notes"):
        parse_notes(body.notes)
    domain = add_domain(
        workspace=request.workspace, actor=request.actor, user=request.membership.user, **body.model_dump()
    )
    jobs.wait_for(lambda: _is_visited(domain))
    return show_fresh(domain)


@operation(router, "GET", "/domains/{id}", "domain.view", load=load_domain, response=DomainOut, summary="Show a domain")
def get_domain(request: ApiRequest, domain: Domain) -> dict[str, Any]:
    return show_all([domain])[0]


@operation(
    router,
    "PATCH",
    "/domains/{id}",
    "domain.edit",
    load=load_domain,
    body=DomainChange,
    response=DomainOut,
    errors={},
    summary="Change a domain's tags and notes",
)
def patch_domain(request: ApiRequest, domain: Domain, body: DomainChange) -> dict[str, Any]:
    with bad_field("tags"):
        parse_tags(body.tags or ())
    with bad_field("notes"):
        parse_notes(body.notes or "")
    change_domain(domain=domain, actor=request.actor, **body.model_dump())
    return show_fresh(domain)


@operation(
    router,
    "DELETE",
    "/domains/{id}",
    "domain.delete",
    load=load_domain,
    status=204,
    errors={},
    summary="Forget a domain",
)
def remove_domain(request: ApiRequest, domain: Domain) -> None:
    """Its certificates, keys and history here go too; what its servers serve stays as it is."""
    delete_domain(domain=domain, actor=request.actor)


@operation(
    router,
    "POST",
    "/domains/{id}/verify",
    "domain.verify",
    load=load_domain,
    response={200: VerifyOut, 202: Accepted},
    errors={},
    summary="Look for the ownership record now",
)
def verify_domain(request: ApiRequest, domain: Domain) -> Any:
    """Says what was looked for, where, and what was seen."""
    ownership = ask_for_check(domain=domain, actor=request.actor)
    if not jobs.wait_for(lambda: _is_checked(ownership)):
        return Status(202, _accepted(domain))
    ownership.refresh_from_db()
    domain.refresh_from_db(fields=["verified_at"])
    return Status(200, {"verified": domain.is_verified, "checks": ownership.checks})


@operation(
    router,
    "POST",
    "/domains/{id}/inspect",
    "domain.inspect",
    load=load_domain,
    response={200: InspectionOut, 202: Accepted},
    errors={"checked_too_often": 429},
    summary="Visit the domain now",
)
def inspect_domain(request: ApiRequest, domain: Domain) -> Any:
    """The certificate that it serves at this moment, and what is wrong with it.

    202 also where many domains share its address and others come first.
    """
    ask_for_visit(domain=domain, actor=request.actor)
    if not jobs.wait_for(lambda: _is_visited(domain)):
        return Status(202, _accepted(domain))
    visit = Visit.unscoped.select_related("inspection").get(domain=domain)
    return Status(200, show_inspection(visit))


@operation(
    router,
    "GET",
    "/domains/{id}/inspections",
    "domain.view",
    load=load_domain,
    query=ListQuery,
    response=Page[ChangeOut],
    summary="List what changed in what a domain serves",
)
def list_inspections(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, Any]:
    """Each certificate and each set of problems that was seen, newest first by when it was first seen."""
    rows = Inspection.objects.for_workspace(request.workspace).filter(domain=domain)
    return page_of(rows, query, show_change, at="seen_at")


def _is_visited(domain: Domain) -> bool:
    visit = Visit.unscoped.filter(domain=domain).only("asked_at", "visited_at").first()
    return visit is None or not visit.is_under_way


def _is_checked(ownership: Ownership) -> bool:
    row = Ownership.unscoped.filter(pk=ownership.pk).only("asked_at", "checked_at").first()
    return row is None or not row.is_under_way


def _accepted(domain: Domain) -> dict[str, Any]:
    return {"id": domain.pk, "url": f"/api/domains/{domain.pk}"}
