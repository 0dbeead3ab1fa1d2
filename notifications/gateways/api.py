"""The API about gateways and what went through them."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import AfterValidator, Field, field_validator

from accounts.api import Accepted, ApiRequest, ListQuery, OneOf, Page, Problem, Status, operation, page_of, routers
from config.lib import jobs
from config.lib.errors import InvalidValue, in_one_line
from notifications.gateways import kinds
from notifications.gateways.kind import GatewayKind
from notifications.gateways.saving import (
    change_gateway,
    create_gateway,
    delete_gateway,
    gateways_of,
    pause_gateway,
    resume_gateway,
    secret_of,
)
from notifications.gateways.testing import has_ended, send_test
from notifications.models import Channel, Delivery, Gateway

router = Router(tags=["Alerts"])
routers.add("gateways", router)


def known_channel(name: str) -> str:
    if name not in Channel.values:
        raise ValueError(f"No channel; those are {', '.join(Channel.values)}.")
    return name


type ChannelName = Annotated[str, OneOf(Channel), AfterValidator(known_channel)]
MASK = "***"


class FieldOut(Schema):
    """`kind` is text, url, email, number, phone, choice or lines; secrets are never shown again."""

    name: str
    label: str
    where: str = Field(description="Where to find the value.")
    kind: str
    required: bool
    secret: bool
    default: str
    choices: list[str]


class GatewayKindOut(Schema):
    kind: ChannelName
    label: str
    about: str
    addressed: bool = Field(description="Whether rules name recipients.")
    fields: list[FieldOut]


class KindsOut(Schema):
    items: list[GatewayKindOut]


class GatewayIn(Schema):
    kind: ChannelName = Field(examples=["webhook"])
    name: str = Field(min_length=1, max_length=80, description="Tells several of one kind apart.", examples=["On call"])
    config: dict[str, str] = Field(
        description="The kind's fields, see `GET /gateway-kinds`.", examples=[{"url": "https://alerts.example.net/in"}]
    )

    @field_validator("name")
    @classmethod
    def visible(cls, name: str) -> str:
        return visible_name(name)


class GatewayChange(Schema):
    """Absent fields stay as they are, also within `config`; an empty secret is taken away."""

    name: str | None = Field(None, min_length=1, max_length=80)
    config: dict[str, str] | None = None
    paused: bool | None = None

    @field_validator("name")
    @classmethod
    def visible(cls, name: str | None) -> str | None:
        return name and visible_name(name)


class TestIn(Schema):
    to: str = Field("", max_length=320, description="An address or number; empty: mail goes to whoever asks.")


class GatewayOut(Schema):
    """`config` shows secrets as ***; `state` is on, paused or off (the other side refuses it)."""

    id: uuid.UUID
    kind: ChannelName
    name: str
    config: dict[str, str]
    state: Literal["on", "paused", "off"]
    last_at: datetime | None
    last_ok: bool | None
    last_answer: str
    created_at: datetime


class DeliveryOut(Schema):
    """`last_answer` is what the other side said, with its status."""

    id: uuid.UUID
    state: Literal["waiting", "sent", "failed"]
    kind: ChannelName
    gateway: uuid.UUID | None
    to: str
    subject: str
    about: str
    domain: uuid.UUID | None
    test: bool
    attempts: int
    last_answer: str
    error: str
    created_at: datetime
    settled_at: datetime | None


class DeliveryQuery(ListQuery):
    gateway: uuid.UUID | None = Field(None, description="Only what went through this one.")
    state: Literal["waiting", "sent", "failed"] | None = None


def visible_name(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("A gateway needs a name that can be seen, on one line.")
    return name.strip()


def load_gateway(request: ApiRequest, gateway_id: uuid.UUID) -> Gateway:
    return get_object_or_404(gateways_of(request.workspace), pk=gateway_id)


def load_delivery(request: ApiRequest, delivery_id: uuid.UUID) -> Delivery:
    return get_object_or_404(Delivery.objects.for_workspace(request.workspace), pk=delivery_id)


@contextmanager
def bad_value(prefix: str = "config.") -> Iterator[None]:
    """A field's refusal as 422, beside its name."""
    try:
        yield
    except InvalidValue as error:
        name = f"{prefix}{error.field_name}"
        raise Problem(422, "input_invalid", fields={name: in_one_line(error)}, names=[name]) from error


def show_kind(kind: GatewayKind) -> dict[str, Any]:
    fields = [
        {
            "name": field.name,
            "label": field.label,
            "where": field.where,
            "kind": field.kind,
            "required": field.is_required,
            "secret": field.is_secret,
            "default": field.default,
            "choices": [value for value, _ in field.choices],
        }
        for field in kind.fields
    ]
    told = {"kind": kind.channel, "label": kind.label, "about": kind.about, "addressed": kind.is_addressed}
    return {**told, "fields": fields}


def show_gateway(gateway: Gateway) -> dict[str, Any]:
    secret = secret_of(kinds.get(gateway.channel))
    # Looked at without being opened: whether there is one is all that is told.
    masked = {secret.name: MASK} if secret and gateway.__dict__.get("sealed_secrets") else {}
    told = {name: getattr(gateway, name) for name in ("name", "last_at", "last_ok", "last_answer", "created_at")}
    config = {**gateway.config, **masked}
    return {"id": gateway.pk, "kind": gateway.channel, "state": state_of(gateway), "config": config, **told}


def state_of(gateway: Gateway) -> str:
    if gateway.paused_at:
        return "paused"
    return "off" if gateway.disabled_at else "on"


def show_delivery(delivery: Delivery) -> dict[str, Any]:
    told = {name: getattr(delivery, name) for name in ("state", "to", "attempts", "last_answer")}
    times = {"created_at": delivery.created_at, "settled_at": delivery.settled_at}
    return {
        "id": delivery.pk,
        "kind": delivery.channel,
        "gateway": delivery.gateway_id,
        "subject": delivery.subject or str(delivery.message.get("subject", "")),
        "about": delivery.event_kind,
        "domain": delivery.domain_id,
        "test": delivery.is_test,
        "error": delivery.error_code,
        **told,
        **times,
    }


@operation(router, "GET", "/gateway-kinds", "gateway.view", response=KindsOut, summary="List the kinds of gateways")
def list_gateway_kinds(request: ApiRequest) -> dict[str, Any]:
    return {"items": [show_kind(kind) for kind in kinds]}


@operation(
    router,
    "GET",
    "/gateways",
    "gateway.view",
    query=ListQuery,
    response=Page[GatewayOut],
    summary="List the gateways",
)
def list_gateways(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    return page_of(gateways_of(request.workspace), query, show_gateway)


@operation(
    router,
    "POST",
    "/gateways",
    "gateway.edit",
    body=GatewayIn,
    response=GatewayOut,
    status=201,
    errors={"gateways_full": 409, "gateway_name_taken": 409},
    summary="Add a gateway",
)
def post_gateway(request: ApiRequest, body: GatewayIn) -> dict[str, Any]:
    """Nothing is sent; `POST /gateways/{id}/test` shows whether it works."""
    user = request.membership.user
    with bad_value():
        gateway = create_gateway(
            workspace=request.workspace,
            user=user,
            actor=request.actor,
            channel=body.kind,
            name=body.name,
            given=body.config,
        )
    return show_gateway(gateway)


@operation(
    router,
    "GET",
    "/gateways/{id}",
    "gateway.view",
    load=load_gateway,
    response=GatewayOut,
    summary="Show a gateway",
)
def get_gateway(request: ApiRequest, gateway: Gateway) -> dict[str, Any]:
    return show_gateway(gateway)


@operation(
    router,
    "PATCH",
    "/gateways/{id}",
    "gateway.edit",
    load=load_gateway,
    body=GatewayChange,
    response=GatewayOut,
    errors={"gateway_name_taken": 409},
    summary="Change, pause or resume a gateway",
)
def patch_gateway(request: ApiRequest, gateway: Gateway, body: GatewayChange) -> dict[str, Any]:
    """Whoever changes where it leads has to give its secret again."""
    if body.name or body.config is not None:
        with bad_value():
            change_gateway(gateway=gateway, actor=request.actor, name=body.name, given=unmasked(body.config or {}))
    if body.paused is not None:
        (pause_gateway if body.paused else resume_gateway)(gateway=gateway, actor=request.actor)
    gateway.refresh_from_db()
    return show_gateway(gateway)


def unmasked(config: Mapping[str, str]) -> dict[str, str]:
    """What was shown as a mask and came back as one stays as it is."""
    return {name: value for name, value in config.items() if value != MASK}


@operation(
    router,
    "DELETE",
    "/gateways/{id}",
    "gateway.edit",
    load=load_gateway,
    status=204,
    errors={"gateway_in_use": 409},
    summary="Delete a gateway",
)
def delete_one_gateway(request: ApiRequest, gateway: Gateway) -> None:
    """Refused while alert rules use it."""
    delete_gateway(gateway=gateway, actor=request.actor)


@operation(
    router,
    "POST",
    "/gateways/{id}/test",
    "gateway.edit",
    load=load_gateway,
    body=TestIn,
    response={200: DeliveryOut, 202: Accepted},
    errors={},
    summary="Send a test",
)
def test_gateway(request: ApiRequest, gateway: Gateway, body: TestIn) -> Any:
    """One attempt on the way of a real alert; 200 also when the provider refused, as `last_answer` says."""
    with bad_value(""):
        delivery = send_test(gateway=gateway, to=body.to, user=request.membership.user)
    if jobs.wait_for(lambda: has_ended(delivery)):
        return Status(200, show_delivery(delivery))
    return Status(202, {"id": delivery.pk, "url": f"/api/deliveries/{delivery.pk}"})


@operation(
    router,
    "GET",
    "/deliveries",
    "delivery.view",
    query=DeliveryQuery,
    response=Page[DeliveryOut],
    summary="List what was sent and what waits",
)
def list_deliveries(request: ApiRequest, query: DeliveryQuery) -> dict[str, Any]:
    rows = Delivery.objects.for_workspace(request.workspace)
    if query.gateway:
        rows = rows.filter(gateway=query.gateway)
    if query.state:
        rows = rows.filter(state=query.state)
    return page_of(rows, query, show_delivery)


@operation(
    router,
    "GET",
    "/deliveries/{id}",
    "delivery.view",
    load=load_delivery,
    response=DeliveryOut,
    summary="Show a delivery",
)
def get_delivery(request: ApiRequest, delivery: Delivery) -> dict[str, Any]:
    return show_delivery(delivery)
