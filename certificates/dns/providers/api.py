"""The API about DNS providers."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, ErrorOut, ListQuery, OneOf, Page, bad_field, operation, page_of, routers
from certificates.dns.providers.kinds import kinds
from certificates.dns.providers.saving import ask_for_test, providers_of, remove_provider, save_provider
from certificates.models import DnsProvider
from config.lib import jobs
from config.lib.errors import InvalidValue, describe

router = Router(tags=["Certificates"])
routers.add("dns-providers", router)

KINDS = tuple(kinds.keys())


class ProviderIn(Schema):
    kind: Annotated[str, OneOf(KINDS)] = Field(examples=["cloudflare"])
    zone: str = Field(max_length=300, description="The domain as it stands at the provider.", examples=["example.net"])
    config: dict[str, Annotated[str, Field(max_length=1000)]] = Field(
        description="Every field of the kind, as its form names them; secrets are never shown again.",
        max_length=20,
        examples=[{"auth_token": "…"}],
    )


class ProviderOut(Schema):
    """`config` has what is no secret. `works` is what its last test found; `error` says why not."""

    id: uuid.UUID
    kind: Annotated[str, OneOf(KINDS)]
    zone: str
    config: dict[str, Any]
    works: bool
    tested_at: datetime | None
    error: ErrorOut | None
    created_at: datetime


def load_provider(request: ApiRequest, key: uuid.UUID) -> DnsProvider:
    return get_object_or_404(DnsProvider.objects.for_workspace(request.workspace), pk=key)


def show_provider(row: DnsProvider) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in ("kind", "zone", "config", "works", "tested_at", "created_at")}
    return {**shown, "id": row.pk, "error": _error_of(row)}


def _error_of(row: DnsProvider) -> dict[str, str] | None:
    if not row.error_code:
        return None
    wording = describe(row.error_code, row.error_params)
    return {"code": wording.code, "detail": f"{wording.title}. {wording.why}".strip(), "fix": wording.fix}


@operation(
    router,
    "GET",
    "/dns-providers",
    "dns_provider.view",
    query=ListQuery,
    response=Page[ProviderOut],
    summary="List the workspace's DNS providers",
)
def list_dns_providers(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    return page_of(providers_of(request.workspace), query, show_provider)


@operation(
    router,
    "POST",
    "/dns-providers",
    "dns_provider.edit",
    body=ProviderIn,
    response=ProviderOut,
    status=201,
    errors={"dns_providers_full": 409},
    summary="Give the credentials for a zone at a DNS provider",
)
def post_dns_provider(request: ApiRequest, body: ProviderIn) -> dict[str, Any]:
    """They take the place of those that the zone had, and are tested; `tested_at` says when that is over."""
    try:
        row = save_provider(
            workspace=request.workspace, kind=body.kind, zone=body.zone, given=body.config, actor=request.actor
        )
    except InvalidValue as error:
        with bad_field(error.field_name if error.field_name in ("kind", "zone") else "config"):
            raise
    return show_provider(row)


@operation(
    router,
    "GET",
    "/dns-providers/{id}",
    "dns_provider.view",
    load=load_provider,
    response=ProviderOut,
    summary="Show a DNS provider",
)
def get_dns_provider(request: ApiRequest, provider: DnsProvider) -> dict[str, Any]:
    return show_provider(provider)


@operation(
    router,
    "POST",
    "/dns-providers/{id}/test",
    "dns_provider.edit",
    load=load_provider,
    response=ProviderOut,
    errors={},
    summary="Test a DNS provider",
)
def post_dns_provider_test(request: ApiRequest, provider: DnsProvider) -> dict[str, Any]:
    """Makes a record, sees it listed, removes it. Waits some seconds; `tested_at` says whether it is over."""
    ask_for_test(provider)

    def is_over() -> bool:
        provider.refresh_from_db()
        return not provider.is_under_way

    jobs.wait_for(is_over)
    return show_provider(provider)


@operation(
    router,
    "DELETE",
    "/dns-providers/{id}",
    "dns_provider.edit",
    load=load_provider,
    status=204,
    errors={"dns_provider_in_use": 409},
    summary="Remove the credentials of a DNS provider",
)
def delete_dns_provider(request: ApiRequest, provider: DnsProvider) -> None:
    remove_provider(provider=provider, actor=request.actor)
