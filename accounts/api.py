"""The API about people, and the door through which other rooms declare their operations."""

import uuid
import zoneinfo
from datetime import datetime
from typing import Annotated, Literal

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field, field_validator

from accounts.addresses import plain_email
from accounts.callers import ApiRequest
from accounts.documents import OneOf
from accounts.invitations import invite_person, open_invitations, revoke_invitation
from accounts.members import change_role, remove_member
from accounts.models import Invitation, Membership, Workspace
from accounts.operations import Accepted, operation, routers
from accounts.paging import ListQuery, Page, page_of
from accounts.problems import ErrorOut, Problem, bad_field
from accounts.token_text import SCOPES
from accounts.workspaces import change_workspace, clean_name

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

type RoleName = Literal["admin", "member"]


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
        if name is not None and not clean_name(name):
            raise ValueError("A workspace needs a name that can be seen.")
        return name and clean_name(name)

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
    role: RoleName
    workspace: WorkspaceOut
    token: TokenOut | None


class MemberOut(Schema):
    id: uuid.UUID
    user: uuid.UUID
    email: str
    role: RoleName
    joined_at: datetime


class MemberChange(Schema):
    role: RoleName = Field(examples=["admin"])


class InvitationIn(Schema):
    """For an address that is invited already: a new link, with this role."""

    email: str = Field(max_length=254, examples=["ann@example.net"])
    role: RoleName = Field(examples=["member"])

    @field_validator("email")
    @classmethod
    def mailable(cls, email: str) -> str:
        try:
            return plain_email(email)
        except ValidationError as error:
            raise ValueError(error.messages[0]) from error


class InvitationOut(Schema):
    """`invited_by` is an e-mail address; after `expires_at` the state is expired until it is sent again or revoked."""

    id: uuid.UUID
    email: str
    role: RoleName
    invited_by: str
    created_at: datetime
    expires_at: datetime
    state: Literal["open", "expired"]


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


def load_member(request: ApiRequest, member_id: uuid.UUID) -> Membership:
    return get_object_or_404(_members(request.workspace), pk=member_id)


@operation(
    router,
    "PATCH",
    "/members/{member_id}",
    "member.edit",
    fresh=True,
    load=load_member,
    body=MemberChange,
    response=MemberOut,
    errors={"last_admin": 409},
    summary="Change a member's role",
)
def patch_member(request: ApiRequest, member: Membership, body: MemberChange) -> dict[str, object]:
    return show_member(change_role(membership=member, role=body.role, actor=request.actor))


@operation(
    router,
    "DELETE",
    "/members/{member_id}",
    "member.edit",
    fresh=True,
    load=load_member,
    status=204,
    errors={"last_admin": 409},
    summary="Remove a member",
)
def delete_member(request: ApiRequest, member: Membership) -> None:
    remove_member(membership=member, actor=request.actor)


@operation(
    router,
    "GET",
    "/invitations",
    "member.invite",
    query=ListQuery,
    response=Page[InvitationOut],
    summary="Invitations that nobody has used yet",
)
def list_invitations(request: ApiRequest, query: ListQuery) -> dict[str, object]:
    return page_of(open_invitations(request.workspace), query, show_invitation)


@operation(
    router,
    "POST",
    "/invitations",
    "member.invite",
    fresh=True,
    body=InvitationIn,
    response=InvitationOut,
    status=201,
    errors={"already_member": 409, "invitations_full": 409, "invitation_mails_spent": 429},
    summary="Invite somebody by e-mail",
)
def post_invitation(request: ApiRequest, body: InvitationIn) -> dict[str, object]:
    inviter = request.membership.user
    row = invite_person(
        workspace=request.workspace, inviter=inviter, actor=request.actor, email=body.email, role=body.role
    )
    return show_invitation(row)


def load_invitation(request: ApiRequest, invitation_id: uuid.UUID) -> Invitation:
    return get_object_or_404(open_invitations(request.workspace), pk=invitation_id)


@operation(
    router,
    "DELETE",
    "/invitations/{invitation_id}",
    "member.invite",
    fresh=True,
    load=load_invitation,
    status=204,
    summary="Revoke an invitation",
)
def delete_invitation(request: ApiRequest, invitation: Invitation) -> None:
    revoke_invitation(invitation=invitation, actor=request.actor)


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


def show_invitation(row: Invitation) -> dict[str, object]:
    return {
        "id": row.pk,
        "email": row.email,
        "role": row.role,
        "invited_by": row.invited_by.email,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "state": "expired" if row.is_expired else "open",
    }
