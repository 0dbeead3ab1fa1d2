"""Messages to a topic of ntfy, the public server or one's own."""

import re
from collections.abc import Mapping

from config.lib.errors import InvalidValue
from notifications.gateways.exchange import check_url
from notifications.gateways.json_api import ask, line, said, text_of, wanted
from notifications.gateways.kind import Field, GatewayKind, Sending
from notifications.models import Channel

_PRIORITIES = {"critical": 5, "warning": 4, "info": 3}
_TEXT = 4000


def send(sending: Sending) -> str:
    values, message = sending.values, sending.message
    body = {
        "topic": values["topic"],
        "title": line(message.subject, 250),
        "message": text_of(message, _TEXT),
        "priority": 1 if sending.is_test else _PRIORITIES[message.severity],
        "tags": ["lock"],
        "click": message.url,
    }
    headers = {"authorization": f"Bearer {values['token']}"} if values.get("token") else {}
    reply = ask(sending, "POST", values["url"], headers, body)
    return said(f"{reply.status} message {wanted(reply, 'id')}")


def check(values: Mapping[str, str]) -> None:
    check_url("url", values["url"])
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", values["topic"]):
        raise InvalidValue("topic", "gateway_word_malformed")
    if not values.get("token", "").isascii() or " " in values.get("token", ""):
        raise InvalidValue("token", "secret_unusable")


KIND = GatewayKind(
    channel=Channel.NTFY,
    label="ntfy",
    about="A push message to everybody who has subscribed to a topic.",
    fields=(
        Field("url", "Server", "The public one, or your own.", kind="url", is_host=True, default="https://ntfy.sh"),
        Field(
            "topic",
            "Topic",
            "Whoever knows its name can read it, unless it is protected: make it hard to guess.",
            is_private=True,
        ),
        Field("token", "Access token", "Of a protected topic; it begins with tk_.", is_secret=True, is_required=False),
    ),
    send=send,
    check=check,
)
