"""The API about issuances and certificates."""

import uuid
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router, Schema

from accounts.api import (
    Accepted,
    ApiRequest,
    ListQuery,
    Page,
    Problem,
    Status,
    bad_field,
    operation,
    page_of,
    routers,
)
from certificates.bundles import download_bundle, zip_name
from certificates.gates import Wish, read_wish
from certificates.issuance import cancel_issuance, issue_certificate, start_issuance
from certificates.models import Authorization, Certificate, Issuance
from certificates.records import host_label, keep_looking
from certificates.serving import serving_targets, with_serving
from certificates.store import delete_certificate
from config.lib import jobs
from config.lib.errors import NeedsUser, describe
from domains.models import Domain

router = Router(tags=["Certificates"])
routers.add("certificates", router)

# Which field of IssuanceIn a refused wish is about; every other code is about its names.
FIELDS = {"challenge_unknown": "challenge", "ca_unknown": "ca", "key_type_unknown": "key_type"}


class ServerLook(Schema):
    """What one name server answered at the last look; `error` is empty when it answered."""

    server: str
    seen: bool
    error: str


class RecordOut(Schema):
    """One TXT record; `host` is `fqdn` relative to the registrable domain."""

    name: str
    host: str
    fqdn: str
    type: str
    value: str
    seen: bool
    status: str
    servers: list[ServerLook]


class ErrorOut(Schema):
    code: str
    detail: str
    fix: str


class IssuanceOut(Schema):
    """`error` explains a failure, or why nothing goes on just now; `certificate` is the issued one's id."""

    id: uuid.UUID
    domain: uuid.UUID
    state: str
    names: list[str]
    challenge: str
    ca: str
    profile: str
    key_type: str
    records: list[RecordOut]
    error: ErrorOut | None
    certificate: uuid.UUID | None
    created_at: datetime
    expires_at: datetime | None


class IssuanceIn(Schema):
    """Without `names`: the domain's own host."""

    names: list[str] | None = None
    challenge: str = ""
    ca: str = ""
    profile: str = ""
    key_type: str = ""


class CertificateOut(Schema):
    """`serving` lists the ids of the targets that were seen serving it."""

    id: uuid.UUID
    domain: uuid.UUID
    names: list[str]
    issuer: str
    not_before: datetime
    not_after: datetime
    renew_at: datetime | None
    fingerprint_sha256: str
    serial: str
    source: str
    key_type: str
    has_private_key: bool
    serving: list[uuid.UUID]
    created_at: datetime


def load_domain(request: ApiRequest, key: uuid.UUID) -> Domain:
    rows = Domain.objects.for_workspace(request.workspace).select_related("workspace")
    return get_object_or_404(rows, pk=key)


def load_issuance(request: ApiRequest, key: uuid.UUID) -> Issuance:
    rows = Issuance.objects.for_workspace(request.workspace).select_related("domain", "workspace")
    return get_object_or_404(rows, pk=key)


def load_certificate(request: ApiRequest, key: uuid.UUID) -> Certificate:
    rows = Certificate.objects.for_workspace(request.workspace).select_related("domain", "private_key")
    return get_object_or_404(rows, pk=key)


@operation(
    router,
    "GET",
    "/domains/{id}/issuances",
    "certificate.view",
    load=load_domain,
    query=ListQuery,
    response=Page[IssuanceOut],
)
def list_issuances(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, object]:
    rows = Issuance.objects.for_workspace(request.workspace).filter(domain=domain)
    return page_of(rows.prefetch_related("authorizations"), query, show_issuance)


@operation(
    router,
    "POST",
    "/domains/{id}/issuances",
    "certificate.issue",
    load=load_domain,
    body=IssuanceIn,
    response={200: IssuanceOut, 201: IssuanceOut, 202: Accepted},
    summary="Start a challenge; 200 with the open issuance when there is one for these names",
)
def post_issuance(request: ApiRequest, domain: Domain, body: IssuanceIn) -> Status:
    names = [domain.host] if body.names is None else body.names
    issuance, is_new = start_issuance(domain=domain, wish=wish_in(body, names), actor=request.actor)
    jobs.wait_for(lambda: not is_preparing(issuance))
    if issuance.state == Issuance.State.FAILED:
        raise Problem(409, issuance.error_code, **issuance.error_params)
    if issuance.state == Issuance.State.DRAFT:
        return accepted(issuance)
    return Status(201 if is_new else 200, show_issuance(issuance))


@operation(router, "GET", "/issuances/{id}", "certificate.view", load=load_issuance, response=IssuanceOut)
def get_issuance(request: ApiRequest, issuance: Issuance) -> dict[str, object]:
    keep_looking(issuance)
    return show_issuance(issuance)


@operation(
    router,
    "POST",
    "/issuances/{id}/issue",
    "certificate.issue",
    load=load_issuance,
    response={200: IssuanceOut, 202: Accepted},
    summary="The records are published: look, let the CA look, issue",
)
def post_issue(request: ApiRequest, issuance: Issuance) -> Status:
    issue_certificate(issuance=issuance, actor=request.actor)
    jobs.wait_for(lambda: not is_under_way(issuance))
    if issuance.is_waiting_for_person and issuance.error_code:
        raise Problem(409, issuance.error_code, **issuance.error_params)
    return accepted(issuance) if issuance.is_under_way else Status(200, show_issuance(issuance))


@operation(router, "POST", "/issuances/{id}/cancel", "certificate.cancel", load=load_issuance, response=IssuanceOut)
def post_cancel(request: ApiRequest, issuance: Issuance) -> dict[str, object]:
    cancel_issuance(issuance=issuance, actor=request.actor)
    return show_issuance(issuance)


@operation(
    router,
    "GET",
    "/domains/{id}/certificates",
    "certificate.view",
    load=load_domain,
    query=ListQuery,
    response=Page[CertificateOut],
)
def list_certificates(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, object]:
    rows = Certificate.objects.for_workspace(request.workspace).filter(domain=domain)
    return page_of(with_serving(rows), query, show_certificate)


@operation(router, "GET", "/certificates/{id}", "certificate.view", load=load_certificate, response=CertificateOut)
def get_certificate(request: ApiRequest, certificate: Certificate) -> dict[str, object]:
    return show_certificate(certificate)


@operation(
    router,
    "DELETE",
    "/certificates/{id}",
    "certificate.delete",
    load=load_certificate,
    status=204,
    summary="Delete the certificate and destroy its private key",
)
def remove_certificate(request: ApiRequest, certificate: Certificate) -> None:
    delete_certificate(certificate=certificate, actor=request.actor)


@operation(
    router,
    "GET",
    "/certificates/{id}/bundle.zip",
    "certificate.download",
    scope="keys",
    load=load_certificate,
    summary="The ZIP with the private key; needs the scope keys",
)
def get_bundle(request: ApiRequest, certificate: Certificate) -> HttpResponse:
    return zip_response(certificate, download_bundle(certificate=certificate, actor=request.actor))


def zip_response(certificate: Certificate, packed: bytes) -> HttpResponse:
    """The ZIP as a download that nothing on the way keeps."""
    return HttpResponse(
        packed,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{zip_name(certificate)}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def wish_in(body: IssuanceIn, names: list[str]) -> Wish:
    """The wish of a body; what cannot be read is bad input of one field."""
    try:
        return read_wish(names, challenge=body.challenge, ca=body.ca, profile=body.profile, key_type=body.key_type)
    except NeedsUser as error:
        with bad_field(FIELDS.get(error.code, "names")):
            raise


def is_preparing(issuance: Issuance) -> bool:
    issuance.refresh_from_db()
    return issuance.state == Issuance.State.DRAFT and not issuance.error_code


def is_under_way(issuance: Issuance) -> bool:
    issuance.refresh_from_db()
    return issuance.is_under_way


def accepted(issuance: Issuance) -> Status:
    return Status(202, {"id": issuance.pk, "url": f"/api/issuances/{issuance.pk}"})


def show_issuance(issuance: Issuance) -> dict[str, object]:
    rows = [row for row in issuance.authorizations.all() if row.txt_value]
    return {
        "id": issuance.pk,
        "domain": issuance.domain_id,
        "state": issuance.state,
        "names": issuance.names,
        "challenge": issuance.challenge,
        "ca": issuance.directory_url,
        "profile": issuance.profile,
        "key_type": issuance.key_type,
        "records": [show_record(row) for row in rows],
        "error": show_error(issuance),
        "certificate": issuance.certificate_id,
        "created_at": issuance.created_at,
        "expires_at": issuance.order_expires_at,
    }


def show_record(row: Authorization) -> dict[str, object]:
    return {
        "name": row.shown_name,
        "host": host_label(row.txt_name),
        "fqdn": row.txt_name,
        "type": "TXT",
        "value": row.txt_value,
        "seen": row.is_proven or row.seen == Authorization.Seen.SEEN,
        "status": row.status,
        "servers": row.servers,
    }


def show_error(issuance: Issuance) -> dict[str, str] | None:
    if not issuance.error_code or issuance.state in (Issuance.State.ISSUED, Issuance.State.CANCELLED):
        return None
    wording = describe(issuance.error_code, issuance.error_params)
    return {"code": wording.code, "detail": f"{wording.title}. {wording.why}".strip(), "fix": wording.fix}


def show_certificate(certificate: Certificate) -> dict[str, object]:
    return {
        "id": certificate.pk,
        "domain": certificate.domain_id,
        "names": certificate.names,
        "issuer": certificate.issuer,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "renew_at": certificate.renew_at,
        "fingerprint_sha256": certificate.fingerprint_sha256,
        "serial": certificate.serial,
        "source": certificate.source,
        "key_type": certificate.key_type,
        "has_private_key": certificate.private_key_id is not None,
        "serving": serving_targets(certificate),
        "created_at": certificate.created_at,
    }
