"""The API about alert rules."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

from django.db import transaction
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, ListQuery, OneOf, Page, bad_field, operation, page_of, routers
from accounts.models import Workspace
from accounts.policy import is_allowed
from notifications.gateways.api import ChannelName
from notifications.models import Rule, Trigger
from notifications.rules.asking import domain_of, gateway_of, template_of
from notifications.rules.saving import (
    DAYS_AT_MOST,
    NAME_AT_MOST,
    RECIPIENTS_AT_MOST,
    InvalidRule,
    Wish,
    change_rule,
    create_rule,
    delete_rule,
    pause_rule,
    rules_of,
    wish_of,
)

router = Router(tags=["Alerts"])
routers.add("alert-rules", router)

type TriggerName = Literal[
    "expiry", "renewal", "renewal_failed", "overdue", "problem", "changed", "site", "readiness", "balance"
]
type DigestName = Literal["", "daily", "weekly"]

NAME = Field(max_length=NAME_AT_MOST, description="As lists and messages show it.", examples=["On call, 14 days"])
DAYS = Field(ge=0, le=DAYS_AT_MOST, description="For the trigger `expiry` alone.", examples=[14])
TAG = Field(max_length=60, description="Domains with this tag; not beside `domain`.", examples=["production"])
TO = Field(
    max_length=RECIPIENTS_AT_MOST,
    description="Addresses for mail (none: the admins), numbers for SMS, nothing for other channels.",
    examples=[["ann@example.net"]],
)
GATEWAY = Field(description="One of the channel; null: mail of the platform or every gateway of the channel.")
DOMAIN = Field(description="This one; with `tag` null as well: all domains.")
TEMPLATE = Field(description="One of the channel; null: the portal's own words.")

type Recipient = Annotated[str, Field(max_length=320)]


class RuleOut(Schema):
    """`default` rules come later for short-lived certificates and are silent about those that renew by themselves.

    `recipients` is null for members who are not admins.
    """

    id: uuid.UUID
    name: str
    trigger: Annotated[str, OneOf(Trigger)]
    channel: ChannelName
    gateway: uuid.UUID | None
    days_before_expiry: int | None
    domain: uuid.UUID | None
    tag: str | None
    recipients: list[str] | None
    template: uuid.UUID | None
    digest: DigestName
    default: bool
    paused: bool
    created_at: datetime


class NewRule(Schema):
    name: Annotated[str, NAME]
    channel: ChannelName = Field(description="Needs a gateway, but for mail.", examples=["email"])
    trigger: TriggerName = Field("expiry", description="What it waits for.", examples=["expiry"])
    days_before_expiry: Annotated[int, DAYS] | None = Field(None, examples=[14])
    gateway: Annotated[uuid.UUID, GATEWAY] | None = None
    domain: Annotated[uuid.UUID, DOMAIN] | None = None
    tag: Annotated[str, TAG] | None = None
    recipients: Annotated[list[Recipient], TO] = []
    template: Annotated[uuid.UUID, TEMPLATE] | None = None
    digest: DigestName = Field("", description="One message `daily` or `weekly` for all that expires.")


class RuleChange(Schema):
    """Absent fields stay as they are; null takes a domain, tag, gateway or template away."""

    name: Annotated[str, NAME] | None = None
    channel: ChannelName | None = None
    trigger: TriggerName | None = None
    days_before_expiry: Annotated[int, DAYS] | None = None
    gateway: Annotated[uuid.UUID, GATEWAY] | None = None
    domain: Annotated[uuid.UUID, DOMAIN] | None = None
    tag: Annotated[str, TAG] | None = None
    recipients: Annotated[list[Recipient], TO] | None = None
    template: Annotated[uuid.UUID, TEMPLATE] | None = None
    digest: DigestName | None = None
    paused: bool | None = None


_REFERENCES: Mapping[str, Callable[[Workspace, uuid.UUID], Any]] = {
    "domain": domain_of,
    "gateway": gateway_of,
    "template": template_of,
}
# Null has a meaning for these alone; anywhere else it stands for absent.
_EMPTIED = frozenset({*_REFERENCES, "tag", "days_before_expiry"})


def load_rule(request: ApiRequest, rule_id: uuid.UUID) -> Rule:
    return get_object_or_404(rules_of(request.workspace).select_related("workspace"), pk=rule_id)


def show_rule(request: ApiRequest, rule: Rule) -> dict[str, Any]:
    names = ("name", "trigger", "channel", "days_before_expiry", "digest", "created_at")
    return {
        **{name: getattr(rule, name) for name in names},
        "id": rule.pk,
        "gateway": rule.gateway_id,
        "domain": rule.domain_id,
        "template": rule.template_id,
        "tag": rule.tag or None,
        "recipients": rule.recipients if is_allowed(request.role, "rule.edit") else None,
        "default": rule.is_default,
        "paused": rule.paused_at is not None,
    }


@contextmanager
def _beside_its_field() -> Iterator[None]:
    try:
        yield
    except InvalidRule as error:
        with bad_field(error.field_name):
            raise


def told(workspace: Workspace, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Wish that a body names. Raises Http404 for ids of others."""
    found = {name: value for name, value in given.items() if value is not None or name in _EMPTIED}
    for name, find in _REFERENCES.items():
        if found.get(name) is not None:
            found[name] = find(workspace, found[name])
    if "tag" in found:
        found["tag"] = found["tag"] or ""
    if "recipients" in found:
        found["recipients"] = tuple(found["recipients"])
    return found


@operation(
    router,
    "GET",
    "/alert-rules",
    "rule.view",
    query=ListQuery,
    response=Page[RuleOut],
    summary="List the alert rules",
)
def list_rules(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    return page_of(rules_of(request.workspace), query, lambda rule: show_rule(request, rule))


@operation(
    router,
    "POST",
    "/alert-rules",
    "rule.edit",
    body=NewRule,
    response=RuleOut,
    status=201,
    errors={"rules_full": 409},
    summary="Make an alert rule",
)
def post_rule(request: ApiRequest, body: NewRule) -> dict[str, Any]:
    """It speaks of what is inside its days already within a minute or two."""
    with _beside_its_field():
        wish = Wish(**told(request.workspace, body.model_dump()))
        rule = create_rule(workspace=request.workspace, actor=request.actor, wish=wish)
    return show_rule(request, rule)


@operation(
    router,
    "GET",
    "/alert-rules/{id}",
    "rule.view",
    load=load_rule,
    response=RuleOut,
    summary="Show an alert rule",
)
def get_rule(request: ApiRequest, rule: Rule) -> dict[str, Any]:
    return show_rule(request, rule)


@operation(
    router,
    "PATCH",
    "/alert-rules/{id}",
    "rule.edit",
    load=load_rule,
    body=RuleChange,
    response=RuleOut,
    summary="Change, pause or resume an alert rule",
)
def patch_rule(request: ApiRequest, rule: Rule, body: RuleChange) -> dict[str, Any]:
    """Other days, domains, channel or recipients have it speak anew; a name or a template does not."""
    given = body.model_dump(exclude_unset=True)
    paused = given.pop("paused", None)
    # Both or neither: what is changed and paused at once must not speak in between.
    with transaction.atomic():
        if given:
            with _beside_its_field():
                wish = wish_of(rule, **told(request.workspace, given))
                rule = change_rule(rule=rule, actor=request.actor, wish=wish)
        if paused is not None:
            rule = pause_rule(rule=rule, actor=request.actor, is_paused=paused)
    return show_rule(request, rule)


@operation(
    router,
    "DELETE",
    "/alert-rules/{id}",
    "rule.edit",
    load=load_rule,
    status=204,
    summary="Delete an alert rule",
)
def remove_rule(request: ApiRequest, rule: Rule) -> None:
    """What it has put out already is still delivered."""
    delete_rule(rule=rule, actor=request.actor)
