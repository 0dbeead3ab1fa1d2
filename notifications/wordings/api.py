"""The API about alert templates."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field, field_validator

from accounts.api import ApiRequest, ListQuery, OneOf, Page, bad_field, operation, page_of, routers
from notifications.models import AlertTemplate, Channel
from notifications.wordings.saving import (
    InvalidTemplate,
    change_template,
    create_template,
    delete_template,
    templates_of,
)

router = Router(tags=["Alerts"])
routers.add("templates", router)

SUBJECT = Field(
    max_length=16_000,
    description="With `{{variables}}`, at most 200 characters; empty: what messages have without a template.",
    examples=["{{domain}}: the certificate {{expiry}}"],
)
BODY = Field(
    max_length=16_000,
    description="Plain text with `{{variables}}`, at most 4,000 characters, 459 for text messages.",
    examples=["{{host}} {{expiry}}, on {{expires}}. Issued by {{issuer}}."],
)
NAME = Field(max_length=80, description="One of its kind in a channel.", examples=["On call"])


class TemplateOut(Schema):
    """Subject and body for one channel; `rules` is how many alert rules use it."""

    id: uuid.UUID
    channel: Annotated[str, OneOf(Channel)]
    name: str
    subject: str
    body: str
    rules: int
    created_at: datetime


class NewTemplate(Schema):
    channel: Annotated[str, OneOf(Channel)] = Field(
        description="Rules of this channel may use it; it stays.", examples=["email"]
    )
    name: Annotated[str, NAME]
    subject: Annotated[str, SUBJECT] = ""
    body: Annotated[str, BODY]

    @field_validator("channel")
    @classmethod
    def known_channel(cls, channel: str) -> str:
        if channel not in Channel.values:
            raise ValueError(f"No channel; those are {', '.join(Channel.values)}.")
        return channel


class TemplateChange(Schema):
    """Absent fields stay as they are."""

    name: Annotated[str, NAME] | None = None
    subject: Annotated[str, SUBJECT] | None = None
    body: Annotated[str, BODY] | None = None


ERRORS = {"template_name_taken": 422, "templates_full": 409}


def load_template(request: ApiRequest, template_id: uuid.UUID) -> AlertTemplate:
    return get_object_or_404(templates_of(request.workspace).select_related("workspace"), pk=template_id)


def show_template(template: AlertTemplate) -> dict[str, Any]:
    names = ("channel", "name", "subject", "body", "created_at")
    shown = {name: getattr(template, name) for name in names}
    return {**shown, "id": template.pk, "rules": getattr(template, "rule_count", 0)}


@contextmanager
def _beside_its_field() -> Iterator[None]:
    try:
        yield
    except InvalidTemplate as error:
        with bad_field(error.field_name):
            raise


@operation(
    router,
    "GET",
    "/templates",
    "template.view",
    query=ListQuery,
    response=Page[TemplateOut],
    summary="List the alert templates",
)
def list_templates(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    return page_of(templates_of(request.workspace), query, show_template)


@operation(
    router,
    "POST",
    "/templates",
    "template.edit",
    body=NewTemplate,
    response=TemplateOut,
    status=201,
    errors=ERRORS,
    summary="Make an alert template",
)
def post_template(request: ApiRequest, body: NewTemplate) -> dict[str, Any]:
    """A variable that does not exist is refused with its line and column."""
    with _beside_its_field():
        template = create_template(workspace=request.workspace, actor=request.actor, **body.model_dump())
    return show_template(template)


@operation(
    router,
    "GET",
    "/templates/{id}",
    "template.view",
    load=load_template,
    response=TemplateOut,
    summary="Show an alert template",
)
def get_template(request: ApiRequest, template: AlertTemplate) -> dict[str, Any]:
    return show_template(template)


@operation(
    router,
    "PATCH",
    "/templates/{id}",
    "template.edit",
    load=load_template,
    body=TemplateChange,
    response=TemplateOut,
    errors={"template_name_taken": 422},
    summary="Change an alert template",
)
def patch_template(request: ApiRequest, template: AlertTemplate, body: TemplateChange) -> dict[str, Any]:
    """What was put out already keeps its words."""
    with _beside_its_field():
        change_template(template=template, actor=request.actor, **body.model_dump())
    return show_template(load_template(request, template.pk))


@operation(
    router,
    "DELETE",
    "/templates/{id}",
    "template.edit",
    load=load_template,
    status=204,
    errors={"template_in_use": 409},
    summary="Delete an alert template",
)
def remove_template(request: ApiRequest, template: AlertTemplate) -> None:
    """Refused while alert rules use it."""
    delete_template(template=template, actor=request.actor)
