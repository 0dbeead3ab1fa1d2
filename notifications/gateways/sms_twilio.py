"""Text messages through Twilio."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from config.lib import egress
from config.lib.errors import InvalidValue, Permanent
from notifications.gateways.exchange import exchange, in_words, refusal
from notifications.gateways.kind import ANSWER_CHARACTERS, Field, GatewayKind, GatewayRefused, RecipientRefused, Sending
from notifications.models import Channel

# Longer ones Twilio refuses as a whole (21617).
CHARACTERS = 1600
_GATEWAY_CODES = frozenset({20003, 20404, 21212, 21408, 21606, 21608, 21659})
_RECIPIENT_CODES = frozenset({21211, 21610, 21612, 21614})
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_SENDER = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")


def body_of(sending: Sending) -> bytes:
    values, text = sending.values, sending.message.body
    sender = {"From": values["from"]} if values.get("from") else {"MessagingServiceSid": values["service_sid"]}
    text = text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"
    return urlencode({"To": sending.to, "Body": text, **sender}).encode()


def send(sending: Sending) -> str:
    if not _PHONE.fullmatch(sending.to):
        raise RecipientRefused(to=sending.to, answer="This is no number with its country, such as +4915112345678.")
    values = sending.values
    login = f"{values.get('key_sid') or values['account_sid']}:{values['auth_token']}"
    headers = {
        "authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
        "content-type": "application/x-www-form-urlencoded",
    }
    url = f"{settings.TWILIO_API_BASE}/2010-04-01/Accounts/{values['account_sid']}/Messages.json"
    answer = exchange(sending, url, body=body_of(sending), headers=headers)
    told = _json(answer)
    if answer.status == 201 and told.get("sid"):
        return f"201 {told['sid']} {told.get('status', '')}"[:ANSWER_CHARACTERS].strip()
    raise _refusal(sending, answer, told)


def _refusal(sending: Sending, answer: egress.HttpAnswer, told: Mapping[str, Any]) -> Exception:
    code = told.get("code")
    words = f"{answer.status} {code} {told.get('message', '')}"[:ANSWER_CHARACTERS] if code else in_words(answer)
    if code in _RECIPIENT_CODES:
        return RecipientRefused(to=sending.to, answer=words)
    if code in _GATEWAY_CODES or answer.status in (401, 403, 404):
        return GatewayRefused(answer=words)
    if 200 <= answer.status < 300:
        return Permanent("gateway_answer", answer=words)
    return refusal(answer, sending.at)


def _json(answer: egress.HttpAnswer) -> dict[str, Any]:
    """An answer that is cut off says no more than its status."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def check(values: Mapping[str, str]) -> None:
    for name, beginning in (("account_sid", "AC"), ("key_sid", "SK"), ("service_sid", "MG")):
        if values.get(name) and not re.fullmatch(rf"{beginning}[0-9a-fA-F]{{32}}", values[name]):
            raise InvalidValue(name, "twilio_sid_malformed", beginning=beginning)
    if bool(values.get("from")) == bool(values.get("service_sid")):
        raise InvalidValue("from", "twilio_one_sender")
    if values.get("from") and not _SENDER.fullmatch(values["from"]):
        raise InvalidValue("from", "twilio_sender_malformed")
    if not values.get("auth_token", "x").isascii():
        raise InvalidValue("auth_token", "secret_unusable")


KIND = GatewayKind(
    channel=Channel.SMS_TWILIO,
    label="SMS (Twilio)",
    about="Text messages to phones, through your account at Twilio.",
    fields=(
        Field("account_sid", "Account SID", "On the first page of the Twilio Console: AC and 32 digits.", is_host=True),
        Field(
            "key_sid",
            "API key SID",
            "Only when the secret below is that of an API key: SK and 32 digits.",
            is_required=False,
        ),
        Field("auth_token", "Auth token", "Beside the Account SID, or the API key's secret.", is_secret=True),
        Field(
            "from",
            "From",
            "A number or sender name of your account, such as +15017122661. Leave it empty with a messaging service.",
            is_required=False,
        ),
        Field(
            "service_sid",
            "Messaging service SID",
            "Instead of From: Messaging, Services: MG and 32 digits.",
            is_required=False,
        ),
    ),
    send=send,
    check=check,
    is_addressed=True,
    has_subject=False,
)
