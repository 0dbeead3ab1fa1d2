"""An incoming webhook of Slack, or of what speaks like it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from config.lib.errors import InvalidValue, Permanent
from notifications.gateways.exchange import check_url, exchange, in_words, require_success
from notifications.gateways.kind import Field, GatewayKind, GatewayRefused, Sending
from notifications.models import Channel

_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HEADER, _SECTION, _FIELD, _FIELDS_EACH, _BLOCKS = 150, 3000, 2000, 10, 50
# What Slack answers when nothing that comes by this URL will be posted again.
_OVER = frozenset(
    {
        *("action_prohibited", "channel_is_archived", "channel_not_found", "invalid_token", "no_active_hooks"),
        *("no_service", "no_service_id", "no_team", "posting_to_general_channel_denied", "team_disabled"),
    }
)


def escaped(text: str) -> str:
    """No mention, no link: these three characters are all that Slack's markup begins with."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def pieces(text: str, limit: int) -> Iterator[str]:
    """The escaped text in pieces of at most `limit`, never cut within an escape."""
    piece = ""
    for character in map(escaped, text):
        if len(piece) + len(character) > limit:
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def body_of(sending: Sending) -> bytes:
    message = sending.message
    facts = [
        _markup(f"*{next(pieces(label, 200), '')}*\n{next(pieces(value, 1700), '')}") for label, value in message.facts
    ]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": next(pieces(message.subject, _HEADER), "Alert")}},
        *({"type": "section", "text": _markup(piece)} for piece in pieces(message.body, _SECTION)),
        *({"type": "section", "fields": facts[at : at + _FIELDS_EACH]} for at in range(0, len(facts), _FIELDS_EACH)),
    ]
    if message.url:
        link = escaped(message.url).replace("|", "%7C")
        blocks = [*blocks[: _BLOCKS - 1], {"type": "section", "text": _markup(f"<{link}|Open in the portal>")}]
    payload = {"text": next(pieces(message.subject, _SECTION), "Alert"), "blocks": blocks[:_BLOCKS]}
    return json.dumps(payload, ensure_ascii=False).encode()


def _markup(text: str) -> dict[str, Any]:
    # Verbatim: names that look like addresses become no links.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def send(sending: Sending) -> str:
    headers = {"content-type": "application/json; charset=utf-8"}
    answer = exchange(sending, sending.values["url"], body=body_of(sending), headers=headers)
    said = answer.body.decode("utf-8", "replace").strip()
    if 400 <= answer.status < 500 and said in _OVER:
        raise GatewayRefused(answer=in_words(answer))
    told = require_success(answer, sending.at)
    if said != "ok":
        raise Permanent("gateway_answer", answer=told)
    return told


def check(values: Mapping[str, str]) -> None:
    if url := values.get("url"):
        if any(f"{host}/{path}/" in url for host in _HOSTS for path in ("workflows", "triggers")):
            raise InvalidValue("url", "slack_workflow_url")
        check_url("url", url, _HOSTS)


KIND = GatewayKind(
    channel=Channel.SLACK,
    label="Slack",
    about="A message in one channel, by an incoming webhook of a Slack app.",
    fields=(
        Field(
            "url",
            "Webhook URL",
            "In Slack: api.slack.com/apps, your app, Incoming Webhooks, Add New Webhook to Workspace. It begins with "
            "https://hooks.slack.com/services/.",
            kind="url",
            is_secret=True,
            is_host=True,
            placeholder="https://hooks.slack.com/services/T…/B…/…",
        ),
    ),
    send=send,
    check=check,
)
