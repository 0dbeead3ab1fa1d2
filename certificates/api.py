"""The API about issuances and certificates."""

from typing import Annotated

from django.http import HttpResponse
from ninja import Schema
from pydantic import Field

from accounts.api import (
    Accepted,
    ApiRequest,
    ListQuery,
    OneOf,
    Page,
    Problem,
    Status,
    bad_field,
    operation,
    page_of,
)
from certificates.bundles import download_bundle
from certificates.cas import api as cas_api  # noqa: F401  (it registers its own operations)
from certificates.cas.choosing import choose_ca
from certificates.dns import api as dns_api  # noqa: F401  (its operations register themselves)
from certificates.downloads import as_download
from certificates.gates import CHALLENGES, Wish, read_wish
from certificates.issuance import cancel_issuance, issue_certificate, start_issuance
from certificates.keys import KEY_TYPES
from certificates.loading import load_certificate, load_issuance, router
from certificates.models import Certificate, Issuance
from certificates.pull import api as pull_api  # noqa: F401  (it registers its own operations)
from certificates.records import keep_looking
from certificates.renewal import api as renewal_api  # noqa: F401  (it registers its own operations)
from certificates.replacing import api as replacing_api  # noqa: F401  (it registers its own operations)
from certificates.serving import with_serving
from certificates.shapes import CertificateOut, IssuanceOut, show_certificate, show_issuance
from certificates.shelf import api as shelf
from certificates.store import delete_certificate
from certificates.uploads import api as uploads
from config.lib import jobs
from config.lib.errors import NeedsUser
from domains.models import Domain
from domains.shapes import load_bare_domain

# Their operations join the same router.
__all__ = ["router", "shelf", "uploads"]

# Which field of IssuanceIn a refused wish is about; every other code is about its names.
FIELDS = {
    "challenge_unknown": "challenge",
    "ca_unknown": "ca",
    "key_type_unknown": "key_type",
    "key_type_not_there": "key_type",
}


class IssuanceIn(Schema):
    """Without `names`: the domain's own host."""

    names: list[Annotated[str, Field(max_length=300)]] | None = Field(
        None, max_length=1000, description="Host names; `*.` may stand before one.", examples=[["shop.example.net"]]
    )
    challenge: Annotated[str, OneOf(("", *CHALLENGES))] = ""
    ca: str = Field("", max_length=500, description="One of the workspace's CAs: its key, or its directory's address.")
    profile: str = Field("", max_length=64, description="A certificate profile that the CA offers.")
    key_type: Annotated[str, OneOf(("", *KEY_TYPES))] = Field("", description="When empty, ecdsa-p256.")


@operation(
    router,
    "GET",
    "/domains/{id}/issuances",
    "certificate.view",
    load=load_bare_domain,
    query=ListQuery,
    response=Page[IssuanceOut],
    summary="List a domain's issuances",
)
def list_issuances(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, object]:
    rows = Issuance.objects.for_workspace(request.workspace).filter(domain=domain)
    return page_of(rows.prefetch_related("authorizations"), query, show_issuance)


@operation(
    router,
    "POST",
    "/domains/{id}/issuances",
    "certificate.issue",
    load=load_bare_domain,
    body=IssuanceIn,
    response={200: IssuanceOut, 201: IssuanceOut, 202: Accepted},
    errors={"names_not_proven": 409, "issuance_window": 409, "ca_limit": 409},
    summary="Start a challenge",
)
def post_issuance(request: ApiRequest, domain: Domain, body: IssuanceIn) -> Status:
    """Answers with the records to publish. 200: an issuance for these names is open already, and this is it.

    409 also with the code of what stopped the preparation, such as a CAA record or the CA's own refusal.
    """
    issuance, is_new = start_issuance(domain=domain, wish=wish_in(body, domain), actor=request.actor)
    jobs.wait_for(lambda: not is_preparing(issuance))
    if issuance.state == Issuance.State.FAILED:
        raise Problem(409, issuance.error_code, **issuance.error_params)
    if issuance.state == Issuance.State.DRAFT:
        return accepted(issuance)
    return Status(201 if is_new else 200, show_issuance(issuance))


@operation(
    router,
    "GET",
    "/issuances/{id}",
    "certificate.view",
    load=load_issuance,
    response=IssuanceOut,
    summary="Show an issuance",
)
def get_issuance(request: ApiRequest, issuance: Issuance) -> dict[str, object]:
    """While its records are waited for, asking also makes the portal look for them."""
    keep_looking(issuance)
    return show_issuance(issuance)


@operation(
    router,
    "POST",
    "/issuances/{id}/issue",
    "certificate.issue",
    load=load_issuance,
    response={200: IssuanceOut, 202: Accepted},
    errors={"issuance_closed": 409, "issuance_not_waiting": 409},
    summary="Issue: the records are published",
)
def post_issue(request: ApiRequest, issuance: Issuance) -> Status:
    """The portal looks for the records, lets the CA look, and issues.

    409 also with the code of what was found instead, such as a record that is not seen yet.
    """
    issue_certificate(issuance=issuance, actor=request.actor)
    jobs.wait_for(lambda: not is_under_way(issuance))
    if issuance.is_waiting_for_person and issuance.error_code:
        raise Problem(409, issuance.error_code, **issuance.error_params)
    return accepted(issuance) if issuance.is_under_way else Status(200, show_issuance(issuance))


@operation(
    router,
    "POST",
    "/issuances/{id}/cancel",
    "certificate.cancel",
    load=load_issuance,
    response=IssuanceOut,
    errors={"issuance_closed": 409, "issuance_not_waiting": 409},
    summary="Cancel an issuance",
)
def post_cancel(request: ApiRequest, issuance: Issuance) -> dict[str, object]:
    cancel_issuance(issuance=issuance, actor=request.actor)
    return show_issuance(issuance)


@operation(
    router,
    "GET",
    "/domains/{id}/certificates",
    "certificate.view",
    load=load_bare_domain,
    query=ListQuery,
    response=Page[CertificateOut],
    summary="List a domain's certificates",
)
def list_certificates(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, object]:
    rows = Certificate.objects.for_workspace(request.workspace).filter(domain=domain)
    return page_of(with_serving(rows), query, show_certificate)


@operation(
    router,
    "GET",
    "/certificates/{id}",
    "certificate.view",
    load=load_certificate,
    response=CertificateOut,
    summary="Show a certificate",
)
def get_certificate(request: ApiRequest, certificate: Certificate) -> dict[str, object]:
    return show_certificate(certificate)


@operation(
    router,
    "DELETE",
    "/certificates/{id}",
    "certificate.delete",
    load=load_certificate,
    status=204,
    errors={},
    summary="Delete a certificate and destroy its private key",
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
    errors={"no_bundle_for_uploads": 409, "no_private_key": 409},
    summary="Download the ZIP with the private key",
    download="application/zip",
)
def get_bundle(request: ApiRequest, certificate: Certificate) -> HttpResponse:
    """`cert.pem`, `chain.pem`, `fullchain.pem`, `privkey.pem` and `README.txt`."""
    return as_download(download_bundle(certificate=certificate, actor=request.actor))


def wish_in(body: IssuanceIn, domain: Domain) -> Wish:
    """The wish of a body; what cannot be read is bad input of one field."""
    names = [domain.host] if body.names is None else body.names
    try:
        return read_wish(
            names,
            challenge=body.challenge,
            directory_url=choose_ca(domain.workspace, body.ca),
            profile=body.profile,
            key_type=body.key_type,
        )
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
