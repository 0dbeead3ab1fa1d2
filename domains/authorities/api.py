"""The API about the authorities that a workspace trusts."""

import uuid
from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, ListQuery, Page, bad_field, operation, page_of, routers
from domains.authorities.forms import PASTE_AT_MOST
from domains.authorities.trusting import distrust_authority, trust_authorities
from domains.models import WorkspaceRoot

router = Router(tags=["Domains"])
routers.add("authorities", router)

EXAMPLE = "-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n"


class RootOut(Schema):
    """An authority that this workspace trusts beside the public ones; `added_by` is an e-mail address, or null."""

    id: uuid.UUID
    subject: str
    fingerprint_sha256: str
    not_before: datetime | None
    not_after: datetime | None
    added_by: str | None
    created_at: datetime


class RootsOut(Schema):
    """Those that are new; what was trusted already is left out."""

    items: list[RootOut]


class NewRoots(Schema):
    pem: str = Field(
        max_length=PASTE_AT_MOST,
        description="One or more certificates of authorities in PEM.",
        examples=[EXAMPLE],
    )


def load_root(request: ApiRequest, root_id: uuid.UUID) -> WorkspaceRoot:
    return get_object_or_404(WorkspaceRoot.objects.for_workspace(request.workspace), pk=root_id)


def show_root(row: WorkspaceRoot) -> dict[str, Any]:
    return {
        "id": row.pk,
        "subject": row.subject,
        "fingerprint_sha256": row.fingerprint_sha256,
        "not_before": row.not_before,
        "not_after": row.not_after,
        "added_by": row.added_by.email if row.added_by else None,
        "created_at": row.created_at,
    }


@operation(
    router,
    "GET",
    "/roots",
    "authority.view",
    query=ListQuery,
    response=Page[RootOut],
    summary="List the workspace's own trusted authorities",
)
def list_roots(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    rows = WorkspaceRoot.objects.for_workspace(request.workspace).select_related("added_by")
    return page_of(rows, query, show_root)


@operation(
    router,
    "POST",
    "/roots",
    "authority.edit",
    fresh=True,
    body=NewRoots,
    response=RootsOut,
    status=201,
    errors={},
    summary="Trust authorities",
)
def post_roots(request: ApiRequest, body: NewRoots) -> dict[str, Any]:
    """All of them or none; the workspace's domains are judged anew within minutes."""
    with bad_field("pem"):
        added = trust_authorities(
            workspace=request.workspace,
            user=request.membership.user,
            actor=request.actor,
            given=body.pem.encode(),
        )
    return {"items": [show_root(row) for row in added]}


@operation(
    router,
    "DELETE",
    "/roots/{id}",
    "authority.edit",
    fresh=True,
    load=load_root,
    status=204,
    errors={},
    summary="Trust an authority no longer",
)
def delete_root(request: ApiRequest, root: WorkspaceRoot) -> None:
    """The workspace's domains are judged anew within minutes."""
    distrust_authority(root=root, actor=request.actor)
