"""What the API answers about domains."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from django.shortcuts import get_object_or_404
from ninja import Schema
from pydantic import Field

from accounts.api import ApiRequest, ErrorOut, OneOf
from config.lib.errors import describe
from domains.hosting.badges import show_hosting
from domains.listing import by_weight
from domains.models import Domain, Finding, Inspection, Mode, Ownership, Severity, State, Visit
from domains.ownership import records_of
from domains.protocols import PROTOCOLS


def load_bare_domain(request: ApiRequest, domain_id: uuid.UUID) -> Domain:
    """The `load` of operations that show nothing of the domain itself: 404 for unknown and foreign ids alike."""
    rows = Domain.objects.for_workspace(request.workspace).select_related("workspace")
    return get_object_or_404(rows, pk=domain_id)


class OwnershipRecordOut(Schema):
    """A DNS record that proves ownership; `name` is fully qualified, without a final dot."""

    name: str
    value: str


class VerificationOut(Schema):
    """Either record will do."""

    txt: OwnershipRecordOut
    a: OwnershipRecordOut | None


class InspectionProblemOut(Schema):
    """Something wrong with what is served; `code` as in the list of errors."""

    code: str
    severity: Annotated[str, OneOf(Severity)]
    title: str
    fix: str


class FindingOut(InspectionProblemOut):
    """Something that is wrong or waits for a person; `source` is the room that says so."""

    id: uuid.UUID
    source: str
    opened_at: datetime
    acknowledged_at: datetime | None = Field(description="Null: whoever is to be reminded of it is.")
    acknowledged_by: str
    note: str = Field(description="What was said when it was acknowledged.")


class LinkOut(Schema):
    """One certificate of the chain; `served` is false where the server left it out."""

    role: Annotated[str, OneOf(("leaf", "intermediate", "root"))]
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
    sans: list[str] = Field(description="Subject alternative names.")
    issuer: str | None
    not_before: datetime | None
    not_after: datetime | None
    fingerprint_sha256: str | None
    chain: list[LinkOut]
    key: str | None
    signature: str | None
    tls_version: str | None
    problems: list[InspectionProblemOut]


class ChangeOut(InspectionOut):
    """A certificate with its problems, first seen at `checked_at`; the same one that comes back is the same entry."""

    last_seen_at: datetime | None = Field(description="When it was seen last before another took its place.")
    times: int = Field(description="How often it became the one that is served.")


class HostingOut(Schema):
    """One platform that was recognised; `confidence` is 60 to 100, each of `because` a reason."""

    platform: str
    confidence: int
    because: list[str]


class DomainOut(Schema):
    """A host name that is watched."""

    id: uuid.UUID
    hostname: str = Field(description="As the DNS knows it; labels in other scripts as `xn--…`.")
    hostname_readable: str = Field(description="The same name in its own script.", examples=["bücher.example.net"])
    port: int
    protocol: Annotated[str, OneOf(PROTOCOLS)]
    state: Annotated[str, OneOf(State)]
    verified: bool
    verification: VerificationOut
    mode: Annotated[str, OneOf(Mode)]
    renew_at: datetime | None = Field(description="Null: nobody renews it.")
    hosting: list[HostingOut]
    tags: list[str]
    notes: str
    inspection: InspectionOut | None = Field(description="Null until the first visit has ended.")
    findings: list[FindingOut] = Field(description="Open ones, the most severe first.")
    created_at: datetime


class SeenOut(Schema):
    """`values` is null where the server said nothing usable, with `error` saying why."""

    server: str
    values: list[str] | None
    error: str


class CheckOut(Schema):
    """One record that was looked for, and what each name server said."""

    method: Annotated[str, OneOf(("txt", "a"))]
    name: str
    expected: str
    seen: list[SeenOut]
    resolvers: list[SeenOut] = Field(
        default=[],
        description="What the portal's resolvers say, where `seen` is of the zone's own servers. It decides nothing.",
    )


class VerifyOut(Schema):
    verified: bool
    checks: list[CheckOut]


def show_domain(domain: Domain, ownership: Ownership) -> dict[str, Any]:
    """`domain` loaded with visit, inspection, hosting, tags and `open_rows`."""
    visit = domain.visit
    return {
        "id": domain.pk,
        "hostname": domain.host,
        "hostname_readable": domain.readable_host,
        "port": domain.port,
        "protocol": domain.protocol,
        "state": domain.state,
        "verified": domain.is_verified,
        "verification": show_verification(ownership),
        "mode": domain.mode,
        "renew_at": domain.renew_at,
        "hosting": show_hosting(getattr(domain, "hosting", None)),
        "tags": sorted(tag.name for tag in domain.tag_rows.all()),
        "notes": domain.notes,
        "inspection": show_inspection(visit) if visit.visited_at else None,
        "findings": show_findings(getattr(domain, "open_rows", ())),
        "created_at": domain.created_at,
    }


def show_verification(ownership: Ownership) -> dict[str, Any]:
    shown: dict[str, Any] = {"a": None}
    for record in records_of(ownership):
        shown[record.method] = {"name": record.name, "value": record.value}
    return shown


def show_findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [show_finding(one) for one in by_weight(findings)]


def show_finding(finding: Finding) -> dict[str, Any]:
    names = ("id", "source", "opened_at", "acknowledged_at", "acknowledged_by", "note")
    shown = {name: getattr(finding, name) for name in names}
    return {**show_problem(finding.code, finding.severity, finding.params), **shown}


def show_inspection(visit: Visit) -> dict[str, Any]:
    """The latest visit with the certificate last seen."""
    error = None
    if visit.error_code:
        wording = describe(visit.error_code, visit.error_params)
        error = {"code": wording.code, "detail": wording.why, "fix": wording.fix}
    return {
        "checked_at": visit.visited_at,
        "reachable": not visit.error_code,
        "error": error,
        "addresses": [visit.address] if visit.address else [],
        **_certificate(visit.inspection),
        **({"tls_version": visit.tls_version} if visit.tls_version else {}),
    }


def show_change(inspection: Inspection) -> dict[str, Any]:
    """One entry of a domain's history."""
    return {
        "checked_at": inspection.seen_at,
        "reachable": True,
        "error": None,
        "addresses": [inspection.address] if inspection.address else [],
        **_certificate(inspection),
        "last_seen_at": inspection.last_seen_at,
        "times": inspection.times,
    }


def _certificate(inspection: Inspection | None) -> dict[str, Any]:
    leaf: Mapping[str, Any] = inspection.leaf if inspection else {}
    return {
        "subject": leaf.get("subject"),
        "sans": leaf.get("sans", []),
        "issuer": leaf.get("issuer"),
        "not_before": leaf.get("not_before"),
        "not_after": leaf.get("not_after"),
        "fingerprint_sha256": leaf.get("fingerprint_sha256"),
        "chain": [_link(one) for one in inspection.chain] if inspection else [],
        "key": leaf.get("key"),
        "signature": leaf.get("signature"),
        "tls_version": inspection.tls_version if inspection else None,
        "problems": [show_problem(**one) for one in inspection.problems] if inspection else [],
    }


def _link(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("role", "subject", "issuer", "not_after", "fingerprint_sha256", "served")}


def show_problem(code: str, severity: str, params: Mapping[str, Any]) -> dict[str, Any]:
    wording = describe(code, params)
    return {"code": code, "severity": severity, "title": wording.title, "fix": wording.fix}
