"""Events for PagerDuty (Events API v2)."""

import re
from collections.abc import Mapping

from config.lib.errors import InvalidValue
from notifications.gateways.json_api import ask, line, said, text_of
from notifications.gateways.kind import Field, GatewayKind, Opened, Sending, Ticketing
from notifications.models import Channel

BASES = {"us": "https://events.pagerduty.com/v2/enqueue", "eu": "https://events.eu.pagerduty.com/v2/enqueue"}


def _event(sending: Sending, action: str) -> str:
    """Events with one dedup_key are one incident, however often they come."""
    message = sending.message
    body: dict[str, object] = {
        "routing_key": sending.values["key"],
        "event_action": action,
        "dedup_key": message.dedup_key,
    }
    if action == "trigger":
        body["payload"] = {
            "summary": line(message.subject, 1024),
            "source": line(dict(message.facts).get("Domain", "ManageMyCert"), 255),
            "severity": "info" if sending.is_test else message.severity,
            "custom_details": {"text": text_of(message, 8_000), **dict(message.facts)},
        }
        body["links"] = [{"href": message.url, "text": "Open in the portal"}]
    reply = ask(sending, "POST", BASES[sending.values["region"]], {}, body)
    return said(f"{reply.status} {reply.told.get('message') or reply.told.get('status', '')}")


def trigger(sending: Sending) -> Opened:
    """Its answer names no page; the key is shown with the incident's alert."""
    key = sending.message.dedup_key
    return Opened(key, f"{_event(sending, 'trigger')}: look for the alert with the key {key}.")


def update(sending: Sending, _ref: str) -> str:
    return _event(sending, "trigger")


def resolve(sending: Sending, _ref: str) -> str:
    return _event(sending, "resolve")


def check(values: Mapping[str, str]) -> None:
    if "key" in values and not re.fullmatch(r"[A-Za-z0-9]{32}", values["key"]):
        raise InvalidValue("key", "pagerduty_key_malformed")


KIND = GatewayKind(
    channel=Channel.PAGERDUTY,
    label="PagerDuty",
    about="An incident of a service, resolved again with its cause.",
    fields=(
        Field(
            "region",
            "Region",
            "Where the account is: its address ends in eu.pagerduty.com for the EU.",
            kind="choice",
            is_host=True,
            default="us",
            choices=(("us", "US"), ("eu", "EU")),
        ),
        Field(
            "key",
            "Integration key",
            "Of the service: Integrations, Add an integration, Events API V2. 32 letters and digits.",
            is_secret=True,
        ),
    ),
    send=lambda sending: trigger(sending).answer,
    check=check,
    repeats_safely=True,
    ticketing=Ticketing(trigger, update, resolve, find=None),
)
