"""What the API answers about issuances and certificates."""

import uuid
from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field

from accounts.api import ErrorOut, OneOf
from certificates.gates import CHALLENGES
from certificates.keys import KEY_TYPES
from certificates.models import Authorization, Certificate, Issuance
from certificates.records import host_label, mistake_in_words
from certificates.serving import serving_targets
from certificates.solvers import solvers
from config.lib.errors import Wording, describe

SOLVERS = tuple(solvers.keys())


class ServerLookOut(Schema):
    """What one name server answered at the last look; `error` is empty when it answered."""

    server: str
    seen: bool
    error: str


class ChallengeRecordOut(Schema):
    """One TXT record to publish; `host` is `fqdn` relative to the registrable domain."""

    name: str = Field(description="The name on the certificate that it is for.")
    host: str
    fqdn: str
    type: Annotated[str, OneOf(("TXT",))]
    value: str
    seen: bool
    status: str
    servers: list[ServerLookOut]
    alias: str = Field(description="Where a CNAME at `fqdn` leads; empty when there is none.")
    mistake: str = Field(description="What seems to have gone wrong, in words; empty when nothing is known.")


class IssuanceOut(Schema):
    """`error` explains a failure, or why nothing goes on just now; `certificate` is the issued one's id."""

    id: uuid.UUID
    domain: uuid.UUID
    state: Annotated[str, OneOf(Issuance.State)]
    names: list[str]
    challenge: Annotated[str, OneOf(CHALLENGES)]
    ca: str = Field(description="The address of the CA's ACME directory.")
    profile: str
    key_type: str
    solver: Annotated[str, OneOf(SOLVERS)] = Field(description="Who publishes the records.")
    records: list[ChallengeRecordOut]
    error: ErrorOut | None
    certificate: uuid.UUID | None
    created_at: datetime
    expires_at: datetime | None = Field(description="When the CA forgets the order.")


class CertificateOut(Schema):
    """`serving` lists the ids of the targets that were seen serving it; `warnings` is what was odd about an upload."""

    id: uuid.UUID
    domain: uuid.UUID
    names: list[str]
    issuer: str
    not_before: datetime
    not_after: datetime
    renew_at: datetime | None = Field(description="Null: nobody renews it.")
    fingerprint_sha256: str
    serial: str
    source: Annotated[str, OneOf(Certificate.Source)]
    key_type: Annotated[str, OneOf(("", *KEY_TYPES))]
    has_private_key: bool
    serving: list[uuid.UUID]
    requested_by: str = Field(description="Who asked for it or uploaded it; an e-mail address, or empty.")
    revoked_at: datetime | None
    revocation_reason: int | None = Field(description="Of RFC 5280, section 5.3.1.")
    warnings: list[ErrorOut]
    created_at: datetime


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
        "solver": issuance.solver,
        "records": [show_record(row) for row in rows],
        "error": show_error(issuance),
        "certificate": issuance.certificate_id,
        "created_at": issuance.created_at,
        "expires_at": issuance.order_expires_at,
    }


def show_record(row: Authorization) -> dict[str, object]:
    return {
        "name": row.shown_name,
        "host": host_label(row.txt_name, row.zone),
        "fqdn": row.txt_name,
        "type": "TXT",
        "value": row.txt_value,
        "seen": row.is_proven or row.seen == Authorization.Seen.SEEN,
        "status": row.status,
        "servers": row.servers,
        "alias": row.alias,
        "mistake": mistake_in_words(row),
    }


def show_error(issuance: Issuance) -> dict[str, str] | None:
    if not issuance.error_code or issuance.state in (Issuance.State.ISSUED, Issuance.State.CANCELLED):
        return None
    return show_wording(describe(issuance.error_code, issuance.error_params))


def show_wording(wording: Wording) -> dict[str, str]:
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
        "requested_by": certificate.requested_by,
        "revoked_at": certificate.revoked_at,
        "revocation_reason": certificate.revocation_reason,
        "warnings": [show_wording(describe(one["code"], one["params"])) for one in certificate.warnings],
        "created_at": certificate.created_at,
    }
