"""The API about a workspace's CAs."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import Accepted, ApiRequest, ErrorOut, ListQuery, Page, Status, bad_field, operation, page_of, routers
from certificates.cas.accounts import accounts_of, add_ca, ask_for_look, ask_for_new_key, remove_ca
from certificates.cas.choosing import choose_ca
from certificates.cas.given import BUNDLE_AT_MOST, OTHER, URL_AT_MOST, read_given
from certificates.cas.known import ca_at
from certificates.cas.shown import budgets_of, caa_record, shown_ca
from certificates.gates import clean_names
from certificates.models import AcmeAccount
from certificates.renewal.plan import usual_names
from certificates.shapes import show_wording
from config.lib import jobs
from config.lib.errors import InvalidValue
from domains.models import Domain
from domains.shapes import load_bare_domain

router = Router(tags=["CAs"])
routers.add("certificate-authorities", router)

# Longer addresses are cut by what stands before the portal.
NAMES_LETTERS = 6000


class CaIn(Schema):
    authority: str = Field(
        max_length=64,
        description=f"The key of a known CA, or `{OTHER}` for the one at `directory_url`.",
        examples=["letsencrypt-staging"],
    )
    directory_url: str = Field("", max_length=URL_AT_MOST, examples=["https://ca.example.com/acme/directory"])
    key_id: str = Field("", max_length=500, description="Of an external account binding.")
    mac_key: str = Field("", max_length=2000, description="In base64url; never shown again.")
    ca_bundle: str = Field("", max_length=BUNDLE_AT_MOST, description="PEM of the roots of its interface.")
    preferred_chain: str = Field("", max_length=200, description="Common name of the root that chains should lead to.")


class CaOut(Schema):
    """`account` is its URI at the CA, empty before the first order. `caa` is the record that lets only it issue."""

    id: uuid.UUID
    ca: str = Field(description="The key of a known CA, or empty.")
    label: str
    directory_url: str
    account: str
    profiles: list[str]
    terms_url: str
    suggests_renewals: bool = Field(description="Whether it says when to renew (ARI).")
    caa: str
    preferred_chain: str
    has_credentials: bool
    is_under_way: bool
    looked_at: datetime | None
    rolled_at: datetime | None = Field(description="When its key was last changed.")
    error: ErrorOut | None
    created_at: datetime


class BudgetOut(Schema):
    """`used` of `most` in any `within`; `free_at` is when there is room again, null while there is.

    `is_counted`: whether a certificate for these names would count; a renewal of the same names spares some limits.
    """

    what: str
    used: int
    most: int
    within: str
    free_at: datetime | None
    is_counted: bool


class BudgetsOut(Schema):
    """Empty for a CA whose limits are not known."""

    ca: str
    names: list[str]
    items: list[BudgetOut]


class BudgetQuery(Schema):
    ca: str = Field("", max_length=500, description="One of the workspace's CAs; the portal's own when empty.")
    names: str = Field(
        "",
        max_length=NAMES_LETTERS,
        description="Host names with commas between them; else those of the newest certificate, else the host.",
        examples=["shop.example.net,www.shop.example.net"],
    )


def load_account(request: ApiRequest, key: uuid.UUID) -> AcmeAccount:
    return get_object_or_404(accounts_of(request.workspace), pk=key)


def show_account(row: AcmeAccount) -> dict[str, Any]:
    shown = shown_ca(ca_at(row.directory_url), row)
    return {
        **{name: getattr(row, name) for name in ("directory_url", "preferred_chain", "looked_at", "rolled_at")},
        "id": row.pk,
        "ca": shown.ca.key,
        "label": shown.ca.label,
        "account": row.uri,
        "profiles": shown.details["profiles"],
        "terms_url": row.facts.get("terms_url", ""),
        "suggests_renewals": bool(row.facts.get("suggests_renewals")),
        "caa": caa_record(row),
        "has_credentials": bool(row.external_key_id),
        "is_under_way": is_under_way(row),
        "error": show_wording(shown.trouble) if shown.trouble else None,
        "created_at": row.created_at,
    }


def is_under_way(row: AcmeAccount) -> bool:
    return bool(row.is_under_way or row.rolling_at or row.closing_at)


@operation(
    router,
    "GET",
    "/certificate-authorities",
    "ca.view",
    query=ListQuery,
    response=Page[CaOut],
    summary="List the workspace's CAs",
)
def list_certificate_authorities(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    """Those that it added and those where it has an account; the portal's own joins them with its first order."""
    return page_of(accounts_of(request.workspace), query, show_account)


@operation(
    router,
    "POST",
    "/certificate-authorities",
    "ca.edit",
    body=CaIn,
    response=CaOut,
    status=201,
    errors={"ca_present": 409, "cas_full": 409},
    summary="Add a CA",
)
def post_certificate_authority(request: ApiRequest, body: CaIn) -> dict[str, Any]:
    """Its directory is read at once; `looked_at` says when that is over. Orders there accept its terms of service."""
    with _beside_its_field():
        given = read_given(
            ca=body.authority,
            directory_url=body.directory_url,
            ca_bundle=body.ca_bundle,
            key_id=body.key_id,
            mac_key=body.mac_key,
            chain=body.preferred_chain,
        )
    return show_account(add_ca(workspace=request.workspace, given=given, actor=request.actor))


@contextmanager
def _beside_its_field() -> Iterator[None]:
    try:
        yield
    except InvalidValue as error:
        with bad_field("authority" if error.field_name == "ca" else error.field_name):
            raise


@operation(
    router,
    "GET",
    "/certificate-authorities/{id}",
    "ca.view",
    load=load_account,
    response=CaOut,
    summary="Show a CA",
)
def get_certificate_authority(request: ApiRequest, account: AcmeAccount) -> dict[str, Any]:
    return show_account(account)


@operation(
    router,
    "POST",
    "/certificate-authorities/{id}/look",
    "ca.edit",
    load=load_account,
    response=CaOut,
    errors={},
    summary="Read a CA's directory now",
)
def post_look(request: ApiRequest, account: AcmeAccount) -> dict[str, Any]:
    """Waits some seconds; `is_under_way` says whether it is over."""
    ask_for_look(account)
    jobs.wait_for(lambda: not _is_at_work(account))
    return show_account(account)


@operation(
    router,
    "POST",
    "/certificate-authorities/{id}/new-key",
    "ca.edit",
    fresh=True,
    load=load_account,
    response={200: CaOut, 202: Accepted},
    errors={"ca_account_closed": 409, "ca_account_busy": 409},
    summary="Change the key of an account",
)
def post_new_key(request: ApiRequest, account: AcmeAccount) -> Status:
    ask_for_new_key(account=account, actor=request.actor)
    if not jobs.wait_for(lambda: not _is_at_work(account)):
        return Status(202, {"id": account.pk, "url": f"/api/certificate-authorities/{account.pk}"})
    return Status(200, show_account(account))


def _is_at_work(account: AcmeAccount) -> bool:
    account.refresh_from_db()
    return is_under_way(account)


@operation(
    router,
    "DELETE",
    "/certificate-authorities/{id}",
    "ca.edit",
    fresh=True,
    load=load_account,
    status=204,
    errors={"ca_in_use": 409, "ca_is_default": 409},
    summary="Close the account at a CA and forget it",
)
def delete_certificate_authority(request: ApiRequest, account: AcmeAccount) -> None:
    """Done by a worker: the CA is asked to close it first."""
    remove_ca(account=account, actor=request.actor)


@operation(
    router,
    "GET",
    "/domains/{id}/budget",
    "certificate.view",
    load=load_bare_domain,
    query=BudgetQuery,
    response=BudgetsOut,
    summary="Show what a CA's limits leave for a domain",
)
def get_budget(request: ApiRequest, domain: Domain, query: BudgetQuery) -> dict[str, Any]:
    """Of up to five registered domains and names, in their order."""
    with bad_field("ca"):
        directory_url = choose_ca(request.workspace, query.ca)
    with bad_field("names"):
        names = clean_names(query.names.split(",")) if query.names else usual_names(domain)
    items = budgets_of(domain, names, directory_url)
    return {"ca": ca_at(directory_url).label, "names": list(names), "items": items}
