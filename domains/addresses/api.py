"""The API about what every address of a domain serves."""

import uuid
from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import Accepted, ApiRequest, ErrorOut, Status, operation, routers
from config.lib import jobs
from config.lib.errors import describe
from domains.addresses.checking import ask_for_addresses
from domains.addresses.shown import is_differing
from domains.models import AddressCheck, Domain
from domains.shapes import InspectionProblemOut, show_problem

router = Router(tags=["Domains"])
routers.add("addresses", router)


class AddressOut(Schema):
    """One address; without a certificate `error` says why, and the certificate's fields are null."""

    address: str
    reachable: bool = Field(description="Whether a complete TLS handshake was possible.")
    error: ErrorOut | None
    fingerprint_sha256: str | None
    issuer: str | None
    not_before: datetime | None
    not_after: datetime | None
    trusted: bool | None
    tls_version: str | None
    problems: list[InspectionProblemOut]


class AddressesOut(Schema):
    """The latest look at every address of the name, at most 16 of them, each with the name as SNI."""

    checked_at: datetime | None = Field(description="Null: nobody has asked, or the first look is under way.")
    error: ErrorOut | None = Field(description="Why the name has no addresses.")
    differ: bool = Field(description="Whether not all addresses serve the same certificate.")
    left_out: int = Field(description="Addresses beyond the first 16.")
    addresses: list[AddressOut]


def load_domain(request: ApiRequest, domain_id: uuid.UUID) -> Domain:
    return get_object_or_404(Domain.objects.for_workspace(request.workspace), pk=domain_id)


def show_addresses(row: AddressCheck | None) -> dict[str, Any]:
    results = [one for one in row.results if "code" in one] if row else []
    return {
        "checked_at": row.checked_at if row else None,
        "error": _error(row.error_code, row.error_params) if row else None,
        "differ": is_differing(results),
        "left_out": row.left_out if row else 0,
        "addresses": [_show(one) for one in results],
    }


def _show(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": one["address"],
        "reachable": not one["code"],
        "error": _error(one["code"], one["params"]),
        "fingerprint_sha256": one["fingerprint_sha256"] or None,
        "issuer": one.get("issuer"),
        "not_before": one.get("not_before"),
        "not_after": one.get("not_after"),
        "trusted": one.get("trusted"),
        "tls_version": one["tls_version"] or None,
        "problems": [show_problem(**each) for each in one.get("problems", ())],
    }


def _error(code: str, params: dict[str, Any]) -> dict[str, str] | None:
    if not code:
        return None
    wording = describe(code, params)
    return {"code": wording.code, "detail": wording.why, "fix": wording.fix}


@operation(
    router,
    "GET",
    "/domains/{id}/addresses",
    "domain.view",
    load=load_domain,
    response=AddressesOut,
    summary="What every address served when it was last asked",
)
def get_addresses(request: ApiRequest, domain: Domain) -> dict[str, Any]:
    return show_addresses(AddressCheck.unscoped.filter(domain=domain).first())


@operation(
    router,
    "POST",
    "/domains/{id}/addresses",
    "domain.inspect",
    load=load_domain,
    response={200: AddressesOut, 202: Accepted},
    errors={"checked_too_often": 429},
    summary="Look at every address of a domain now",
)
def check_domain_addresses(request: ApiRequest, domain: Domain) -> Any:
    """Every A and AAAA record of the name, one handshake each."""
    row = ask_for_addresses(domain=domain, actor=request.actor)
    if not jobs.wait_for(lambda: _is_checked(row)):
        return Status(202, {"id": domain.pk, "url": f"/api/domains/{domain.pk}/addresses"})
    return Status(200, show_addresses(AddressCheck.unscoped.filter(pk=row.pk).first()))


def _is_checked(asked: AddressCheck) -> bool:
    row = AddressCheck.unscoped.filter(pk=asked.pk).only("asked_at", "checked_at").first()
    return row is None or not row.is_under_way
