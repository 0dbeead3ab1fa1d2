"""A bot's message in a Telegram chat."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from html import escape

from config.lib.errors import ExpectedError, InvalidValue, Permanent, Transient
from notifications.gateways.json_api import ask, line, said, text_of, wanted
from notifications.gateways.kind import Field, GatewayKind, GatewayRefused, Sending
from notifications.models import Channel

BASE = "https://api.telegram.org"
_CHARACTERS = 4096
_GONE = ("chat not found", "bot was blocked", "bot was kicked", "user is deactivated", "group chat was upgraded")


def text_in_html(sending: Sending) -> str:
    """Escaped before it is cut, and never cut within an escape."""
    title = f"<b>{escape(line(sending.message.subject, 300), quote=False)}</b>\n\n"
    left = _CHARACTERS - len(title)
    found: list[str] = []
    for character in text_of(sending.message, _CHARACTERS):
        piece = escape(character, quote=False)
        if len(piece) > left:
            break
        found.append(piece)
        left -= len(piece)
    return title + "".join(found)


def send(sending: Sending) -> str:
    return _send_to(sending, sending.values["chat"], may_have_moved=True)


def _send_to(sending: Sending, chat: str, *, may_have_moved: bool) -> str:
    """A group that became a supergroup has another number, which the refusal names."""
    values = sending.values
    body: dict[str, object] = {"chat_id": chat, "text": text_in_html(sending), "parse_mode": "HTML"}
    body["disable_web_page_preview"] = True
    if values.get("topic"):
        body["message_thread_id"] = int(values["topic"])
    try:
        reply = ask(sending, "POST", f"{BASE}/bot{values['token']}/sendMessage", {}, body)
    except Transient as error:
        raise _with_their_time(sending, error) from error
    except Permanent as error:
        moved_to = _parameter(error, "migrate_to_chat_id")
        if moved_to and may_have_moved:
            answer = _send_to(sending, str(moved_to), may_have_moved=False)
            sending.learned["chat"] = str(moved_to)
            return f"{answer}; the chat is {moved_to} now"
        raise _of_the_chat(error) from error
    wanted(reply, "ok")
    return said(f"{reply.status} ok")


def _with_their_time(sending: Sending, error: Transient) -> Transient:
    seconds = _parameter(error, "retry_after")
    if seconds:
        error.retry_at = sending.at + timedelta(seconds=min(seconds, 86_400))
    return error


def _of_the_chat(error: Permanent) -> Permanent:
    """A chat that the bot has no more part in: nothing will arrive there before somebody changes it."""
    answer = str(error.params.get("answer", ""))
    return GatewayRefused(answer=answer) if any(words in answer for words in _GONE) else error


def _parameter(error: ExpectedError, name: str) -> int:
    """A number that the refusal tells beside its words; 0 where there is none."""
    try:
        told = json.loads(str(error.params.get("answer", "")).partition(" ")[2])
        return int(told["parameters"][name])
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0


def check(values: Mapping[str, str]) -> None:
    if "token" in values and not re.fullmatch(r"\d{5,20}:[A-Za-z0-9_-]{30,60}", values["token"]):
        raise InvalidValue("token", "telegram_token_malformed")
    if not re.fullmatch(r"-?\d{3,20}|@[A-Za-z][A-Za-z0-9_]{3,63}", values["chat"]):
        raise InvalidValue("chat", "telegram_chat_malformed")
    if values.get("topic") and not re.fullmatch(r"\d{1,12}", values["topic"]):
        raise InvalidValue("topic", "telegram_topic_malformed")


KIND = GatewayKind(
    channel=Channel.TELEGRAM,
    label="Telegram",
    about="A message of your bot in a chat, group or channel.",
    fields=(
        Field("token", "Bot token", "From @BotFather, after /newbot.", is_secret=True),
        Field(
            "chat",
            "Chat",
            "The chat's number (of groups it begins with -), or @name of a public channel. The bot has to be in it.",
        ),
        Field("topic", "Topic", "The number of a topic of the group; empty: none.", kind="number", is_required=False),
    ),
    send=send,
    check=check,
)
