"""The API about the balance."""

import uuid
from datetime import datetime
from typing import Any, Literal

from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, ListQuery, Page, operation, page_of, routers
from billing.ledger import account_of
from billing.models import Entry
from billing.prices import is_on, minimum_cents

router = Router(tags=["Billing"])
routers.add("billing", router)


class AutoOut(Schema):
    is_on: bool
    threshold_cents: int
    amount_cents: int
    stopped_by: str = Field(description="The code of what stopped it by itself; empty while it goes on.")


class BalanceOut(Schema):
    """All cents are US cents."""

    enabled: Literal[True]
    balance_cents: int
    held_cents: int = Field(description="Set aside for what is running.")
    minimum_cents: int = Field(description="Automation waits below it.")
    auto_top_up: AutoOut


class NoBalanceOut(Schema):
    """Where nothing costs anything."""

    enabled: Literal[False]


class EntryOut(Schema):
    id: uuid.UUID
    at: datetime
    kind: str
    amount_cents: int
    balance_cents: int = Field(description="After it.")
    about: str
    by: str
    domain: uuid.UUID | None


@operation(
    router,
    "GET",
    "/billing",
    "billing.view",
    response=BalanceOut | NoBalanceOut,
    summary="Show the balance",
)
def get_billing(request: ApiRequest) -> dict[str, Any]:
    if not is_on():
        return {"enabled": False}
    account = account_of(request.workspace.pk)
    return {
        "enabled": True,
        "balance_cents": account.balance_cents,
        "held_cents": account.held_cents,
        "minimum_cents": minimum_cents(),
        "auto_top_up": {
            "is_on": account.auto_is_on,
            "threshold_cents": account.auto_threshold_cents,
            "amount_cents": account.auto_amount_cents,
            "stopped_by": account.auto_code,
        },
    }


@operation(
    router,
    "GET",
    "/billing/ledger",
    "billing.view",
    query=ListQuery,
    response=Page[EntryOut],
    summary="List the entries of the balance",
)
def list_ledger(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    return page_of(Entry.objects.for_workspace(request.workspace), query, show_entry, at="at")


def show_entry(entry: Entry) -> dict[str, Any]:
    same = ("at", "kind", "amount_cents", "balance_cents", "about")
    told = {name: getattr(entry, name) for name in same}
    return {**told, "id": entry.pk, "by": entry.actor_label, "domain": entry.domain_id}
