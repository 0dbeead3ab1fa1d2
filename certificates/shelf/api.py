"""The API about the certificates of a whole workspace: listing, giving out, revoking."""

from typing import Annotated, Literal

from django.http import HttpResponse
from ninja import Schema
from pydantic import Field

from accounts.api import Accepted, ApiRequest, ListQuery, OneOf, Page, Problem, Status, bad_field, operation, page_of
from certificates.bundles import export_certificate
from certificates.downloads import as_download
from certificates.formats import FORMATS, read_format
from certificates.loading import load_certificate, router
from certificates.models import Certificate, Revocation
from certificates.revoking import REASONS, read_reason, revoke_certificate
from certificates.serving import with_serving
from certificates.shapes import CertificateOut, show_certificate
from certificates.shelf.listing import matching
from config.lib import jobs

type ShownName = Literal["", "valid", "expired", "revoked", "issued", "uploaded"]


class CertificatesQuery(ListQuery):
    q: str = Field("", max_length=253, description="Part of a name on the certificate.")
    show: ShownName = Field("", description="Only those; empty: all.")


class ExportIn(Schema):
    """`password` protects a PFX; HAProxy's PEM has none."""

    format: Annotated[str, OneOf(FORMATS)] = Field(examples=["pfx"])
    password: str = Field("", max_length=200)


class RevokeIn(Schema):
    reason: Annotated[str, OneOf(REASONS)] = Field("unspecified", examples=["superseded"])


@operation(
    router,
    "GET",
    "/certificates",
    "certificate.view",
    query=CertificatesQuery,
    response=Page[CertificateOut],
    summary="List the workspace's certificates",
)
def list_all(request: ApiRequest, query: CertificatesQuery) -> dict[str, object]:
    rows = matching(request.workspace, q=query.q, show=query.show)
    return page_of(with_serving(rows), query, show_certificate)


@operation(
    router,
    "POST",
    "/certificates/{id}/export",
    "certificate.download",
    scope="keys",
    load=load_certificate,
    body=ExportIn,
    errors={"no_bundle_for_uploads": 409, "no_private_key": 409, "export_impossible": 409},
    summary="Download it with its private key as PFX or for HAProxy",
    download="application/octet-stream",
)
def post_export(request: ApiRequest, certificate: Certificate, body: ExportIn) -> HttpResponse:
    """`pfx`: AES-256 and SHA-256; `pfx-legacy`: 3DES and SHA-1 for old Windows; `haproxy`: one PEM file."""
    with bad_field("password" if body.format in FORMATS else "format"):
        read_format(body.format, body.password)
    made = export_certificate(certificate=certificate, form=body.format, password=body.password, actor=request.actor)
    return as_download(made)


@operation(
    router,
    "POST",
    "/certificates/{id}/revoke",
    "certificate.revoke",
    fresh=True,
    load=load_certificate,
    body=RevokeIn,
    response={200: CertificateOut, 202: Accepted},
    errors={"revoke_at_your_ca": 409, "revoke_expired": 409, "revoke_no_account": 409},
    summary="Revoke a certificate at its CA",
)
def post_revoke(request: ApiRequest, certificate: Certificate, body: RevokeIn) -> Status:
    """Clients that look refuse it from then on, wherever it is installed. It cannot be taken back.

    409 also with the code of what the CA answered instead.
    """
    with bad_field("reason"):
        reason = read_reason(body.reason)
    revocation = revoke_certificate(certificate=certificate, reason=reason, actor=request.actor)
    if revocation is not None:
        jobs.wait_for(lambda: not is_under_way(revocation))
        if revocation.is_open:
            return Status(202, {"id": certificate.pk, "url": f"/api/certificates/{certificate.pk}"})
        if revocation.error_code:
            raise Problem(409, revocation.error_code, **revocation.error_params)
    certificate.refresh_from_db()
    return Status(200, show_certificate(certificate))


def is_under_way(revocation: Revocation) -> bool:
    revocation.refresh_from_db()
    return revocation.is_open and not revocation.error_code
