"""The API about pull tokens."""

import uuid
from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field, field_validator

from accounts.api import ApiRequest, ListQuery, Page, operation, page_of, routers
from accounts.workspaces import clean_name
from certificates.loading import load_certificate
from certificates.models import Certificate, PullToken
from certificates.pull.tokens import make_pull_token, revoke_pull_token
from certificates.pull.views import NO_NAME, address_of

router = Router(tags=["Pull"])
routers.add("pull", router)


class PullTokenIn(Schema):
    """`name` tells which server or job has it."""

    name: str = Field(min_length=1, max_length=80, examples=["mail-02"])

    @field_validator("name")
    @classmethod
    def trimmed(cls, name: str) -> str:
        if not clean_name(name):
            raise ValueError(NO_NAME)
        return clean_name(name)


class PullTokenOut(Schema):
    """It gives the newest valid certificate of `domain` that has all of `names`."""

    id: uuid.UUID
    name: str
    domain: uuid.UUID
    names: list[str]
    prefix: str
    created_at: datetime
    last_pulled_at: datetime | None = Field(description="To the minute.")
    last_pulled_ip: str | None
    last_certificate: uuid.UUID | None = Field(description="What it had at that time.")


class PullTokenMadeOut(PullTokenOut):
    """With the token itself, this once; only a hash of it is kept."""

    token: str
    url: str


def load_pull_token(request: ApiRequest, key: uuid.UUID) -> PullToken:
    return get_object_or_404(PullToken.objects.for_workspace(request.workspace).select_related("domain"), pk=key)


def show_pull_token(token: PullToken) -> dict[str, Any]:
    ids = {"domain": token.domain_id, "last_certificate": token.last_certificate_id}
    return {name: getattr(token, name) for name in PullTokenOut.model_fields if name not in ids} | ids


@operation(
    router,
    "GET",
    "/pull-tokens",
    "certificate.view",
    query=ListQuery,
    response=Page[PullTokenOut],
    summary="List the pull tokens",
)
def list_pull_tokens(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    return page_of(PullToken.objects.for_workspace(request.workspace), query, show_pull_token)


@operation(
    router,
    "POST",
    "/certificates/{id}/pull-tokens",
    "pull.edit",
    scope="keys",
    load=load_certificate,
    body=PullTokenIn,
    response=PullTokenMadeOut,
    status=201,
    errors={"no_bundle_for_uploads": 409, "no_private_key": 409, "pull_tokens_full": 409},
    summary="Let a server or job fetch it with its private key",
)
def post_pull_token(request: ApiRequest, certificate: Certificate, body: PullTokenIn) -> dict[str, Any]:
    """Whoever has the token gets this certificate, and after renewals the next, until it is revoked."""
    token, secret = make_pull_token(
        certificate=certificate, name=body.name, actor=request.actor, user=request.membership.user
    )
    return {**show_pull_token(token), "token": secret, "url": address_of("tar")}


@operation(
    router,
    "DELETE",
    "/pull-tokens/{id}",
    "pull.edit",
    load=load_pull_token,
    status=204,
    errors={},
    summary="Revoke a pull token",
)
def delete_pull_token(request: ApiRequest, token: PullToken) -> None:
    """At once and for good."""
    revoke_pull_token(token=token, actor=request.actor)
