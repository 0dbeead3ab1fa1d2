"""What the API answers about delegations."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field

from accounts.api import OneOf
from certificates.dns.delegations import name_of, target_of
from certificates.models import Authorization, Delegation
from certificates.shapes import ServerLookOut


class DelegationOut(Schema):
    """`name` CNAME `target` is the one record to publish; while `values` has some, they are answered at `target`."""

    id: uuid.UUID
    domain: uuid.UUID
    host: str
    name: str
    target: str
    seen: Annotated[str, OneOf(Authorization.Seen)]
    servers: list[ServerLookOut]
    values: list[str]
    checked_at: datetime | None
    found_at: datetime | None = Field(description="Since when the CNAME has been there; null: it never was.")
    created_at: datetime


def show_delegation(row: Delegation) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in ("host", "seen", "servers", "checked_at", "found_at", "created_at")}
    return {
        **shown,
        "id": row.pk,
        "domain": row.domain_id,
        "name": name_of(row),
        "target": target_of(row),
        "values": [value.value for value in row.values.all()],
    }
