"""A channel or chat of Microsoft Teams, through a flow of its Workflows app."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from config.lib.errors import InvalidValue
from notifications.gateways.exchange import check_url, exchange, require_success
from notifications.gateways.kind import Field, GatewayKind, Sending
from notifications.models import Channel

_HOSTS = (".logic.azure.com", ".logic.azure.us", ".logic.azure.cn", ".api.powerplatform.com", ".api.powerplatform.us")
# Office 365 connectors, which Microsoft switched off in May 2026.
_OLD_HOSTS = ("webhook.office.com", "outlook.office.com", "outlook.office365.com")
# Beyond 28 KB the flow fails after it has answered 202.
_BYTES = 27_000
_LATER_HINT = "Accepted. If no card appears within a minute, open the flow's run history in Teams."


def body_of(sending: Sending) -> bytes:
    """The envelope that Workflows post; what is too long loses the end of its text."""
    text = sending.message.body
    facts = list(sending.message.facts)
    while len(body := _payload(sending, text, facts)) > _BYTES and (text or facts):
        if text:
            text = text[: len(text) * 3 // 4].rstrip("… ") + ("…" if len(text) > 8 else "")
            text = text if len(text) > 8 else ""
        else:
            facts.pop()
    return body


def _payload(sending: Sending, text: str, facts: list[tuple[str, str]]) -> bytes:
    message = sending.message
    lines = [_line((message.subject[:1000], True), size="Medium")]
    lines += [_line((text, False))] if text else []
    lines += [_line((f"{label}: ", True), (value, False)) for label, value in facts]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": lines,
    }
    if message.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open in the portal", "url": message.url}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False).encode()


def _line(*runs: tuple[str, bool], size: str = "Default") -> dict[str, Any]:
    """Rich text knows no Markdown: a name that looks like a link stays a name."""
    inlines = [
        {"type": "TextRun", "text": text, "size": size, "weight": "Bolder" if is_bold else "Default"}
        for text, is_bold in runs
    ]
    return {"type": "RichTextBlock", "inlines": inlines}


def send(sending: Sending) -> str:
    headers = {"content-type": "application/json"}
    answer = exchange(sending, sending.values["url"], body=body_of(sending), headers=headers)
    told = require_success(answer, sending.at)
    return f"{told} {_LATER_HINT}" if answer.status == 202 and sending.is_test else told


def check(values: Mapping[str, str]) -> None:
    if not (url := values.get("url")):
        return
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        host = ""
    if any(host == old or host.endswith(f".{old}") for old in _OLD_HOSTS):
        raise InvalidValue("url", "teams_connector_gone")
    check_url("url", url, _HOSTS)


KIND = GatewayKind(
    channel=Channel.TEAMS,
    label="Microsoft Teams",
    about="A card in a channel or chat, posted by a flow of the Workflows app.",
    fields=(
        Field(
            "url",
            "Workflow URL",
            "In Teams: Workflows, 'Send webhook alerts to a channel', and at its trigger 'Anyone' may start it. Copy "
            "the whole URL with everything behind the question mark.",
            kind="url",
            is_secret=True,
            is_host=True,
            placeholder="https://….api.powerplatform.com/…/invoke?…&sig=…",
        ),
    ),
    send=send,
    check=check,
)
