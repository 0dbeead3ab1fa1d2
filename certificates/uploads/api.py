"""The API's way to upload a certificate."""

import base64
import binascii

from ninja import Schema
from pydantic import Field

from accounts.api import ApiRequest, Problem, Status, operation
from certificates.loading import router
from certificates.shapes import CertificateOut, show_certificate
from certificates.uploads.sandbox import MOST_BYTES, Upload
from certificates.uploads.storing import store_upload
from config.lib.errors import NeedsUser, describe
from domains.models import Domain
from domains.shapes import load_bare_domain

EXAMPLE = "-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nMIGH…\n"
# Base64 makes three bytes four; a little more for its line ends.
MOST_BASE64 = MOST_BYTES * 3 // 2


class UploadIn(Schema):
    """Either `pem` or `pfx_base64`."""

    pem: str = Field(
        "",
        max_length=MOST_BYTES,
        description="Certificate, private key and chain in PEM, in any order.",
        examples=[EXAMPLE],
    )
    pfx_base64: str = Field("", max_length=MOST_BASE64, description="A .pfx or .p12 file in Base64.")
    password: str = Field("", max_length=1000, description="What opens the file or the key; used once, not kept.")


@operation(
    router,
    "POST",
    "/domains/{id}/certificates",
    "certificate.upload",
    load=load_bare_domain,
    body=UploadIn,
    response={200: CertificateOut, 201: CertificateOut},
    errors={"upload_busy": 503},
    summary="Upload a certificate",
)
def post_certificate(request: ApiRequest, domain: Domain, body: UploadIn) -> Status:
    """It is stored as a new version, and deployed to every target at once. 200: it was on file already, and this is it.

    422 with the code of what is wrong, `upload_…`; nothing was stored then. What is odd but stored is in `warnings`.
    """
    try:
        certificate, is_new = store_upload(domain=domain, upload=read_body(body), actor=request.actor)
    except NeedsUser as error:
        name = field_of(error.code, has_file=bool(body.pfx_base64))
        wording = describe(error.code, error.params)
        fields = {name: f"{wording.title}. {wording.why}"}
        raise Problem(422, error.code, fields=fields, **error.params) from error
    return Status(201 if is_new else 200, show_certificate(certificate))


def read_body(body: UploadIn) -> Upload:
    """Raises NeedsUser upload_two_ways, upload_not_base64, upload_too_large."""
    if body.pem and body.pfx_base64:
        raise NeedsUser("upload_two_ways")
    if not body.pfx_base64:
        return Upload(body.pem.encode("utf-8", "replace"), body.password)
    try:
        content = base64.b64decode("".join(body.pfx_base64.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NeedsUser("upload_not_base64") from None
    return Upload(content, body.password)


def field_of(code: str, *, has_file: bool) -> str:
    """The field of the body that an error is about."""
    if code in ("upload_password_missing", "upload_password_wrong"):
        return "password"
    return "pfx_base64" if has_file else "pem"
