"""The API about domains, their verification and their inspections."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import Accepted, ApiRequest, ListQuery, Page, Status, bad_field, operation, page_of, routers
from config.lib import jobs
from domains.add import add_domain, change_tags, delete_domain, parse_port, parse_protocol, parse_tags, parse_target
from domains.listing import Wanted, matching, ownerships_for
from domains.models import Domain, Finding, Inspection, Ownership, Visit
from domains.ownership import ask_for_check, ownership_of
from domains.shapes import show_change, show_domain, show_inspection
from domains.visit import ask_for_visit

router = Router(tags=["Domains"])
routers.add("domains", router)

WAIT_SECONDS = 10.0


class RecordOut(Schema):
    name: str
    value: str


class VerificationOut(Schema):
    txt: RecordOut
    a: RecordOut | None


class ProblemOut(Schema):
    code: str
    severity: str
    title: str
    fix: str


class FindingOut(ProblemOut):
    source: str


class ErrorOut(Schema):
    code: str
    detail: str
    fix: str


class LinkOut(Schema):
    role: str
    subject: str
    issuer: str
    not_after: datetime | None
    fingerprint_sha256: str
    served: bool


class InspectionOut(Schema):
    """Of the latest visit; the certificate is the one last seen, however long ago."""

    checked_at: datetime
    reachable: bool
    error: ErrorOut | None
    addresses: list[str]
    subject: str | None
    sans: list[str]
    issuer: str | None
    not_before: datetime | None
    not_after: datetime | None
    fingerprint_sha256: str | None
    chain: list[LinkOut]
    key: str | None
    signature: str | None
    tls_version: str | None
    problems: list[ProblemOut]


class HostingOut(Schema):
    """One platform that was recognised; `confidence` is 60 to 100, each of `because` a reason."""

    platform: str
    confidence: int
    because: list[str]


class DomainOut(Schema):
    id: uuid.UUID
    hostname: str
    port: int
    protocol: str
    state: str
    verified: bool
    verification: VerificationOut
    mode: str
    renew_at: datetime | None
    hosting: list[HostingOut]
    tags: list[str]
    inspection: InspectionOut | None
    findings: list[FindingOut]
    created_at: datetime


class NewDomain(Schema):
    hostname: str = Field(max_length=300)
    port: int | None = None
    protocol: str = "tls"
    tags: list[str] = []


class DomainChange(Schema):
    """Absent fields stay as they are."""

    tags: list[str] | None = None


class DomainQuery(ListQuery):
    state: str = ""
    tag: str = ""
    q: str = ""


class SeenOut(Schema):
    server: str
    values: list[str] | None
    error: str


class CheckOut(Schema):
    """`values` is null where the server said nothing usable, with `error` saying why."""

    method: str
    name: str
    expected: str
    seen: list[SeenOut]


class VerifyOut(Schema):
    verified: bool
    checks: list[CheckOut]


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


@operation(router, "GET", "/domains", "domain.view", query=DomainQuery, response=Page[DomainOut])
def list_domains(request: ApiRequest, query: DomainQuery) -> dict[str, Any]:
    wanted = Wanted(q=query.q.strip().lower(), tag=query.tag.strip().lower(), state=query.state)
    rows = complete(matching(workspace=request.workspace, wanted=wanted))
    page = page_of(rows, query, lambda domain: domain)
    return {**page, "items": show_all(page["items"])}


@operation(router, "POST", "/domains", "domain.add", body=NewDomain, response=DomainOut, status=201)
def post_domain(request: ApiRequest, body: NewDomain) -> dict[str, Any]:
    """Add a domain; answers when the first visit has ended, whatever it found."""
    with bad_field("hostname"):
        parse_target(body.hostname, None)
    with bad_field("port"):
        parse_target(body.hostname, body.port)
        parse_port(body.port or 443)
    with bad_field("protocol"):
        parse_protocol(body.protocol)
    with bad_field("tags"):
        parse_tags(body.tags)
    domain = add_domain(
        workspace=request.workspace, actor=request.actor, user=request.membership.user, **body.model_dump()
    )
    jobs.wait_for(lambda: _is_visited(domain), seconds=WAIT_SECONDS)
    return show_fresh(domain)


@operation(router, "GET", "/domains/{domain_id}", "domain.view", load=load_domain, response=DomainOut)
def get_domain(request: ApiRequest, domain: Domain) -> dict[str, Any]:
    return show_all([domain])[0]


@operation(
    router, "PATCH", "/domains/{domain_id}", "domain.edit", load=load_domain, body=DomainChange, response=DomainOut
)
def patch_domain(request: ApiRequest, domain: Domain, body: DomainChange) -> dict[str, Any]:
    if body.tags is not None:
        with bad_field("tags"):
            change_tags(domain=domain, actor=request.actor, tags=body.tags)
    return show_fresh(domain)


@operation(router, "DELETE", "/domains/{domain_id}", "domain.delete", load=load_domain, status=204)
def remove_domain(request: ApiRequest, domain: Domain) -> None:
    delete_domain(domain=domain, actor=request.actor)


@operation(
    router,
    "POST",
    "/domains/{domain_id}/verify",
    "domain.verify",
    load=load_domain,
    response={200: VerifyOut, 202: Accepted},
)
def verify_domain(request: ApiRequest, domain: Domain) -> Any:
    """Look for the record now; what was looked for, where, and what was seen."""
    ownership = ask_for_check(domain=domain, actor=request.actor)
    if not jobs.wait_for(lambda: _is_checked(ownership), seconds=WAIT_SECONDS):
        return Status(202, _accepted(domain))
    ownership.refresh_from_db()
    domain.refresh_from_db(fields=["verified_at"])
    return Status(200, {"verified": domain.is_verified, "checks": ownership.checks})


@operation(
    router,
    "POST",
    "/domains/{domain_id}/inspect",
    "domain.inspect",
    load=load_domain,
    response={200: InspectionOut, 202: Accepted},
)
def inspect_domain(request: ApiRequest, domain: Domain) -> Any:
    """Visit the domain now."""
    ask_for_visit(domain=domain, actor=request.actor)
    if not jobs.wait_for(lambda: _is_visited(domain), seconds=WAIT_SECONDS):
        return Status(202, _accepted(domain))
    visit = Visit.unscoped.select_related("inspection").get(domain=domain)
    return Status(200, show_inspection(visit))


@operation(
    router,
    "GET",
    "/domains/{domain_id}/inspections",
    "domain.view",
    load=load_domain,
    query=ListQuery,
    response=Page[InspectionOut],
)
def list_inspections(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, Any]:
    """What changed: each certificate and each set of problems, newest first."""
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
