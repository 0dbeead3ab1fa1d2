"""A webhook of a Discord channel."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from config.lib.errors import Transient
from notifications.gateways.exchange import check_url
from notifications.gateways.json_api import ask, line, said
from notifications.gateways.kind import Field, GatewayKind, Sending
from notifications.models import Channel

_HOSTS = ("discord.com", "discordapp.com")
_COLOURS = {"critical": 0xD1242F, "warning": 0xD29922, "info": 0x2DA44E}
_DESCRIPTION, _FIELDS, _VALUE = 4096, 25, 1024


def body_of(sending: Sending) -> dict[str, Any]:
    """Mentions are off whatever the text holds."""
    message = sending.message
    fields = [
        {"name": line(label, 256), "value": value[:_VALUE] or "-", "inline": True} for label, value in message.facts
    ]
    embed = {
        "title": line(message.subject, 256),
        "description": message.body[:_DESCRIPTION],
        "url": message.url,
        "color": _COLOURS[message.severity],
        "fields": fields[:_FIELDS],
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def send(sending: Sending) -> str:
    url = f"{sending.values['url']}?wait=true"
    try:
        reply = ask(sending, "POST", url, {}, body_of(sending))
    except Transient as error:
        raise _with_their_time(sending, error) from error
    return said(f"{reply.status} message {reply.told.get('id', '')}")


def _with_their_time(sending: Sending, error: Transient) -> Transient:
    """Discord names its wait in the body, in seconds with a fraction."""
    text = str(error.params.get("answer", "")).partition(" ")[2]
    try:
        seconds = float(json.loads(text)["retry_after"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return error
    error.retry_at = sending.at + timedelta(seconds=min(max(seconds, 0), 86_400))
    return error


def check(values: Mapping[str, str]) -> None:
    if url := values.get("url"):
        check_url("url", url, _HOSTS)


KIND = GatewayKind(
    channel=Channel.DISCORD,
    label="Discord",
    about="A message in one channel of a server.",
    fields=(
        Field(
            "url",
            "Webhook URL",
            "Channel, Edit, Integrations, Webhooks, New webhook, Copy URL.",
            kind="url",
            is_secret=True,
            is_host=True,
            placeholder="https://discord.com/api/webhooks/…/…",
        ),
    ),
    send=send,
    check=check,
)
