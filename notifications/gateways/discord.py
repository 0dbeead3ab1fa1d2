"""A webhook of a Discord channel."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from config.lib.errors import Transient
from notifications.gateways.exchange import check_url
from notifications.gateways.json_api import ask, line, said
from notifications.gateways.kind import Field, GatewayKind, Sending
from notifications.models import Channel

_HOSTS = ("discord.com", "discordapp.com")
_COLOURS = {"critical": 0xD1242F, "warning": 0xD29922, "info": 0x2DA44E}
_DESCRIPTION, _FIELDS, _VALUE = 4096, 25, 1024
# Of all texts of an embed together.
_EMBED = 6000


def body_of(sending: Sending) -> dict[str, Any]:
    """Mentions are off whatever the text holds."""
    message = sending.message
    title, description = line(message.subject, 256), message.body[:_DESCRIPTION]
    fields = _fitting(message.facts, _EMBED - len(title) - len(description))
    embed = {
        "title": title,
        "description": description,
        "url": message.url,
        "color": _COLOURS[message.severity],
        "fields": fields,
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _fitting(facts: Sequence[tuple[str, str]], room: int) -> list[dict[str, Any]]:
    """As many as Discord takes beside the rest, in their order."""
    fields = []
    for label, value in facts[:_FIELDS]:
        name, text = line(label, 256), value[:_VALUE] or "-"
        room -= len(name) + len(text)
        if room < 0:
            break
        fields.append({"name": name, "value": text, "inline": True})
    return fields


def send(sending: Sending) -> str:
    url = sending.values["url"]
    # A thread's webhook has its number there already.
    url = f"{url}{'&' if urlsplit(url).query else '?'}wait=true"
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
