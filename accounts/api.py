"""The API about people, and the door through which other rooms declare their operations."""

import uuid
import zoneinfo
from datetime import datetime
from typing import Annotated, Literal

from django.db.models import QuerySet
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field, field_validator

from accounts.callers import SCOPES, ApiRequest
from accounts.documents import OneOf
from accounts.models import Membership, Workspace
from accounts.operations import Accepted, operation, routers
from accounts.paging import ListQuery, Page, page_of
from accounts.problems import ErrorOut, Problem, bad_field
from accounts.workspaces import change_workspace

__all__ = [
    "Accepted",
    "ApiRequest",
    "ErrorOut",
    "ListQuery",
    "OneOf",
    "Page",
    "Problem",
    "Status",
    "bad_field",
    "operation",
    "page_of",
    "routers",
]

router = Router(tags=["People"])
routers.add("accounts", router)


class WorkspaceOut(Schema):
    id: uuid.UUID
    name: str
    monitor_interval_minutes: int
    alert_cooldown_hours: int
    delivery_retries: int
    retry_delay_minutes: int
    time_zone: str = Field(description="Decides the day, such as Europe/Berlin.")


class WorkspaceChange(Schema):
    """Absent fields stay as they are."""

    name: str | None = Field(None, min_length=1, max_length=120, examples=["Acme"])
    monitor_interval_minutes: int | None = Field(None, ge=1, le=1440, examples=[15])
    alert_cooldown_hours: int | None = Field(None, ge=1, le=720)
    delivery_retries: int | None = Field(None, ge=0, le=10)
    retry_delay_minutes: int | None = Field(None, ge=1, le=1440)
    time_zone: str | None = Field(None, description="By its IANA name.", examples=["Europe/Berlin"])

    @field_validator("name")
    @classmethod
    def trimmed(cls, name: str | None) -> str | None:
        if name is not None and not name.strip():
            raise ValueError("A workspace needs a name.")
        return name and name.strip()

    @field_validator("time_zone")
    @classmethod
    def known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in zoneinfo.available_timezones():
            raise ValueError("This is not a time zone's name, such as Europe/Berlin.")
        return zone


class TokenOut(Schema):
    id: uuid.UUID
    name: str
    prefix: str
    scopes: list[Annotated[str, OneOf(SCOPES)]]
    expires_at: datetime | None


class MeOut(Schema):
    """Who is calling: the person (a token's maker), the workspace, and the role in it."""

    id: uuid.UUID
    email: str
    role: Literal["admin", "member"]
    workspace: WorkspaceOut
    token: TokenOut | None


class MemberOut(Schema):
    id: uuid.UUID
    user: uuid.UUID
    email: str
    role: Literal["admin", "member"]
    joined_at: datetime


@operation(router, "GET", "/me", "workspace.view", response=MeOut, summary="Who is calling")
def get_me(request: ApiRequest) -> dict[str, object]:
    user = request.membership.user
    return {
        "id": user.pk,
        "email": user.email,
        "role": request.role,
        "workspace": request.workspace,
        "token": request.token,
    }


@operation(router, "GET", "/workspace", "workspace.view", response=WorkspaceOut, summary="The workspace")
def get_workspace(request: ApiRequest) -> Workspace:
    return request.workspace


@operation(
    router,
    "PATCH",
    "/workspace",
    "workspace.edit",
    body=WorkspaceChange,
    response=WorkspaceOut,
    errors={},
    summary="Change the workspace's settings",
)
def patch_workspace(request: ApiRequest, body: WorkspaceChange) -> Workspace:
    changes = body.model_dump(exclude_none=True)
    return change_workspace(workspace=request.workspace, actor=request.actor, changes=changes)


@operation(
    router, "GET", "/members", "member.view", query=ListQuery, response=Page[MemberOut], summary="List the members"
)
def list_members(request: ApiRequest, query: ListQuery) -> dict[str, object]:
    return page_of(_members(request.workspace), query, show_member)


def _members(workspace: Workspace) -> QuerySet[Membership]:
    return Membership.objects.select_related("user").filter(workspace=workspace)


def show_member(row: Membership) -> dict[str, object]:
    return {
        "id": row.pk,
        "user": row.user_id,
        "email": row.user.email,
        "role": row.role,
        "joined_at": row.created_at,
    }
