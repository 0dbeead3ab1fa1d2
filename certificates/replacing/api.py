"""The API about replacing many certificates at once."""

import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import Http404
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, ErrorOut, ListQuery, OneOf, Page, bad_field, operation, page_of, routers
from certificates.models import Certificate, ReplacedCertificate, Replacement
from certificates.replacing.choosing import Choice, holders
from certificates.replacing.planning import PER_MINUTE, end_replacement, plan_of, start_replacement, try_again
from certificates.replacing.shown import progress_of, with_counts
from certificates.revoking import REASONS, read_reason
from certificates.shapes import show_wording
from config.lib.errors import describe

router = Router(tags=["Replacements"])
routers.add("replacements", router)

type ByName = Literal["key", "ca", "server", "issued", "revoked"]
NOTHING = {"replace_nothing": 409, "replace_too_many": 409}


class ChoiceIn(Schema):
    """`key`: all with the private key of `certificate`; `ca`: its directory's address; `issued`: within these days."""

    by: ByName = Field(examples=["issued"])
    certificate: uuid.UUID | None = None
    ca: str = Field("", max_length=500)
    server: uuid.UUID | None = None
    first: date | None = Field(None, description="With `issued`: from this day on.")
    last: date | None = Field(None, description="With `issued`: to this day, included.")


class ReplacementIn(ChoiceIn):
    """`revoke`: each old one, with `reason`, once its successor was seen being served."""

    reason: Annotated[str, OneOf(REASONS)] = Field("unspecified", examples=["key_compromise"])
    revoke: bool = False


class PlannedOut(Schema):
    """`how`: `itself`, `person`, or `follows` another one for the same names; `why` in words."""

    certificate: uuid.UUID
    domain: uuid.UUID
    names: list[str]
    how: Annotated[str, OneOf(("itself", "person", "follows"))]
    why: str


class PlanOut(Schema):
    """`minutes` is how long ordering takes at `per_minute`."""

    what: str
    by_itself: int
    by_person: int
    follows: int
    per_minute: int
    minutes: int
    certificates: list[PlannedOut]


class ReplacedCountsOut(Schema):
    waiting: int
    person: int
    replacing: int
    installing: int
    revoking: int
    done: int
    failed: int


class ReplacementOut(Schema):
    """Open until `ended_at`; `error` is why nothing is ordered just now."""

    id: uuid.UUID
    by: Annotated[str, OneOf(Replacement.By)]
    what: str
    reason: int = Field(description="Of RFC 5280, section 5.3.1.")
    revoke: bool
    counts: ReplacedCountsOut
    error: ErrorOut | None
    requested_by: str
    created_at: datetime
    ended_at: datetime | None


class ReplacedOut(Schema):
    """`successor` takes the place of `certificate`; `done` when it was seen being served, the old one revoked."""

    id: uuid.UUID
    certificate: uuid.UUID
    domain: uuid.UUID
    state: Annotated[str, OneOf(ReplacedCertificate.State)]
    issuance: uuid.UUID | None
    successor: uuid.UUID | None
    error: ErrorOut | None
    changed_at: datetime


def load_replacement(request: ApiRequest, key: uuid.UUID) -> Replacement:
    return get_object_or_404(with_counts(Replacement.objects.for_workspace(request.workspace)), pk=key)


def choice_in(request: ApiRequest, body: ChoiceIn) -> Choice:
    """Foreign and unknown ids are 404, also those that `by` makes no use of."""
    if body.certificate:
        get_object_or_404(Certificate.objects.for_workspace(request.workspace), pk=body.certificate)
    known = {key for holder in holders for key, _ in holder.servers(request.workspace)} if body.server else set()
    if body.server and str(body.server) not in known:
        raise Http404
    return Choice(body.by, body.certificate, body.ca, body.server, body.first, body.last)


def show_replacement(replacement: Replacement) -> dict[str, Any]:
    progress = progress_of(replacement)
    told = ("by", "what", "reason", "requested_by", "created_at", "ended_at")
    return {name: getattr(replacement, name) for name in told} | {
        "id": replacement.pk,
        "revoke": replacement.revokes,
        "counts": progress.counts,
        "error": show_wording(progress.trouble) if progress.trouble else None,
    }


def show_replaced(entry: ReplacedCertificate) -> dict[str, Any]:
    code = entry.error_code
    return {
        "id": entry.pk,
        "certificate": entry.certificate_id,
        "domain": entry.certificate.domain_id,
        "state": entry.state,
        "issuance": entry.issuance_id,
        "successor": entry.successor_id,
        "error": show_wording(describe(code, entry.error_params)) if code else None,
        "changed_at": entry.changed_at,
    }


@operation(
    router,
    "POST",
    "/replacements/plan",
    "replacement.edit",
    body=ChoiceIn,
    response=PlanOut,
    errors=NOTHING,
    summary="See what replacing them would do",
)
def post_plan(request: ApiRequest, body: ChoiceIn) -> dict[str, Any]:
    """Changes nothing."""
    plan = plan_of(request.workspace, choice_in(request, body))
    counts = {name: plan.count(how) for name, how in (("by_itself", "itself"), ("by_person", "person"))}
    certificates = [
        {
            "certificate": one.certificate.pk,
            "domain": one.certificate.domain_id,
            "names": one.certificate.names,
            "how": one.how,
            "why": one.why,
        }
        for one in plan.planned
    ]
    pace = {"follows": plan.count("follows"), "per_minute": PER_MINUTE, "minutes": plan.minutes}
    return {"what": plan.what, **counts, **pace, "certificates": certificates}


@operation(
    router,
    "POST",
    "/replacements",
    "replacement.edit",
    fresh=True,
    body=ReplacementIn,
    response=ReplacementOut,
    status=201,
    errors={**NOTHING, "replace_full": 409},
    summary="Replace them, with new keys",
)
def post_replacement(request: ApiRequest, body: ReplacementIn) -> dict[str, Any]:
    """At a pace that the CA's limits allow. A key is said to be compromised by `by: key` with `key_compromise`."""
    with bad_field("reason"):
        reason = read_reason(body.reason)
    replacement = start_replacement(
        workspace=request.workspace,
        choice=choice_in(request, body),
        reason=reason,
        revokes=body.revoke,
        actor=request.actor,
    )
    return show_replacement(load_replacement(request, replacement.pk))


@operation(
    router,
    "GET",
    "/replacements",
    "replacement.view",
    query=ListQuery,
    response=Page[ReplacementOut],
    summary="List the replacements",
)
def list_replacements(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    return page_of(with_counts(Replacement.objects.for_workspace(request.workspace)), query, show_replacement)


@operation(
    router,
    "GET",
    "/replacements/{id}",
    "replacement.view",
    load=load_replacement,
    response=ReplacementOut,
    summary="Show a replacement",
)
def get_replacement(request: ApiRequest, replacement: Replacement) -> dict[str, Any]:
    return show_replacement(replacement)


@operation(
    router,
    "GET",
    "/replacements/{id}/certificates",
    "replacement.view",
    load=load_replacement,
    query=ListQuery,
    response=Page[ReplacedOut],
    summary="List its certificates and how far each is",
)
def list_replaced(request: ApiRequest, replacement: Replacement, query: ListQuery) -> dict[str, Any]:
    rows = ReplacedCertificate.objects.for_workspace(request.workspace).filter(replacement=replacement)
    return page_of(rows.select_related("certificate"), query, show_replaced)


@operation(
    router,
    "POST",
    "/replacements/{id}/retry",
    "replacement.edit",
    load=load_replacement,
    response=ReplacementOut,
    errors={"replace_over": 409},
    summary="Try those again that failed",
)
def post_retry(request: ApiRequest, replacement: Replacement) -> dict[str, Any]:
    try_again(replacement=replacement, actor=request.actor)
    return show_replacement(load_replacement(request, replacement.pk))


@operation(
    router,
    "POST",
    "/replacements/{id}/end",
    "replacement.edit",
    load=load_replacement,
    response=ReplacementOut,
    errors={"replace_over": 409},
    summary="Stop it",
)
def post_end(request: ApiRequest, replacement: Replacement) -> dict[str, Any]:
    """Nothing more is ordered or revoked; what was ordered already comes and is installed."""
    end_replacement(replacement=replacement, actor=request.actor)
    return show_replacement(load_replacement(request, replacement.pk))
