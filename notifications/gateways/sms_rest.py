"""Text messages through any provider that takes an HTTP request."""

import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from config.lib.errors import InvalidValue, Permanent
from notifications.gateways.exchange import check_url, exchange, require_success
from notifications.gateways.kind import Field, GatewayKind, RecipientRefused, Sending
from notifications.models import Channel

CHARACTERS = 1600
_VARIABLE = re.compile(r"\{\{\s*(\w*)\s*\}\}")
_KNOWN = ("to", "message", "secret")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
# These say where the request ends or where it goes, and are ours.
_OUR_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "content-type", "te"})
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_TYPES = {"form": "application/x-www-form-urlencoded", "json": "application/json", "text": "text/plain; charset=utf-8"}

type Encode = Callable[[str], str]


def _percent(text: str) -> str:
    return quote(text, safe="")


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


_ENCODERS: dict[str, Encode] = {"form": _percent, "json": _in_json, "text": str}


def filled(template: str, values: Mapping[str, str], encode: Encode) -> str:
    """One pass: what a value contains is never read as a variable."""
    return _VARIABLE.sub(lambda match: encode(values[match[1]]), template)


def matches(pattern: str, text: str) -> bool:
    """Whether the pieces between the pattern's stars occur in this order. Linear, so that no pattern hangs a worker."""
    at = 0
    for piece in pattern.split("*"):
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def headers_of(lines: str) -> dict[str, str]:
    """Raises InvalidValue for what is no header of the caller's own."""
    headers = {}
    for line in filter(None, (line.strip() for line in lines.splitlines())):
        name, colon, value = line.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name) or name.lower() in _OUR_HEADERS:
            raise InvalidValue("headers", "sms_header_malformed", line=line[:80])
        headers[name.lower()] = value.strip()
    return headers


def send(sending: Sending) -> str:
    values = sending.values
    if not _PHONE.fullmatch(sending.to):
        raise RecipientRefused(to=sending.to, answer="This is no number with its country, such as +4915112345678.")
    to = sending.to[1:] if values.get("number_format") == "digits" else sending.to
    told = {"to": to, "message": sending.message.body[:CHARACTERS], "secret": values.get("secret", "")}
    kind = values.get("body_type", "form")
    headers = {name: filled(value, told, _one_line) for name, value in headers_of(values.get("headers", "")).items()}
    body = b""
    if values["method"] == "POST":
        body = filled(values.get("body", ""), told, _ENCODERS[kind]).encode()
        headers["content-type"] = _TYPES[kind]
    url = filled(values["url"], told, _percent)
    answer = exchange(sending, url, body=body, headers=headers, method=values["method"])
    words = require_success(answer, sending.at)
    text = answer.body.decode("utf-8", "replace")
    failed = values.get("failure_pattern") and matches(values["failure_pattern"], text)
    if failed or not matches(values["success_pattern"], text):
        raise Permanent("gateway_answer", answer=words)
    return words


def _one_line(text: str) -> str:
    return text.encode("ascii", "ignore").decode().replace("\r", "").replace("\n", "")


def check(values: Mapping[str, str]) -> None:
    _check_variables(values)
    sample = {"to": "+4915112345678", "message": 'a "b"', "secret": "c"}
    _check_place(values["url"], sample)
    headers_of(values.get("headers", ""))
    if not values["success_pattern"].strip("* "):
        raise InvalidValue("success_pattern", "sms_success_missing")
    if not values.get("secret", "x").isascii():
        raise InvalidValue("secret", "secret_unusable")
    if values["method"] == "POST" and values.get("body_type") == "json":
        try:
            json.loads(filled(values.get("body", ""), sample, _in_json))
        except ValueError:
            raise InvalidValue("body", "sms_body_no_json") from None


def _check_variables(values: Mapping[str, str]) -> None:
    for name in ("url", "headers", "body"):
        for match in _VARIABLE.finditer(values.get(name, "")):
            if match[1] not in _KNOWN or (name == "headers" and match[1] == "message"):
                raise InvalidValue(name, "sms_variable_unknown", name=match[1])
    sent = values["url"] + (values.get("body", "") if values["method"] == "POST" else "")
    wanted = {match[1] for match in _VARIABLE.finditer(sent)}
    for missing in {"to", "message"} - wanted:
        raise InvalidValue("body" if values["method"] == "POST" else "url", "sms_variable_missing", name=missing)


def _check_place(template: str, sample: Mapping[str, str]) -> None:
    """Neither number nor text decides where the request goes."""
    before, _, _ = template.partition("{{")
    if "/" not in before.partition("://")[2]:
        raise InvalidValue("url", "url_malformed")
    url = filled(template, sample, _percent)
    check_url("url", url)
    if urlsplit(url).fragment:
        raise InvalidValue("url", "url_malformed")


_HELP = "{{to}}, {{message}} and {{secret}} are filled in"

KIND = GatewayKind(
    channel=Channel.SMS_REST,
    label="SMS (custom REST)",
    about="Text messages through any provider that takes an HTTP request.",
    fields=(
        Field(
            "method",
            "Method",
            "POST where the provider offers it: a GET leaves its values in logs.",
            kind="choice",
            default="POST",
            choices=(("POST", "POST"), ("GET", "GET")),
        ),
        Field("url", "URL", f"From the provider's documentation of its HTTP API. {_HELP}.", kind="url", is_host=True),
        Field(
            "headers",
            "Headers",
            "One a line, such as Authorization: Bearer {{secret}}.",
            kind="lines",
            is_required=False,
        ),
        Field(
            "body_type",
            "Kind of body",
            "How values are encoded in it.",
            kind="choice",
            default="form",
            choices=(("form", "Form"), ("json", "JSON"), ("text", "Plain text")),
        ),
        Field(
            "body",
            "Body",
            f"For POST, such as to={{{{to}}}}&text={{{{message}}}}. {_HELP}.",
            kind="lines",
            is_required=False,
        ),
        Field(
            "secret",
            "Secret",
            "The provider's API key; it goes wherever {{secret}} stands.",
            is_secret=True,
            is_required=False,
        ),
        Field(
            "success_pattern",
            "Success pattern",
            "What the answer contains when a message was taken, * for anything "
            'between, such as "status":"ok". Many providers answer 200 also when they refuse.',
        ),
        Field("failure_pattern", "Failure pattern", "What the answer contains when it was not.", is_required=False),
        Field(
            "number_format",
            "Numbers",
            "As the provider wants them.",
            kind="choice",
            default="plus",
            choices=(("plus", "+4915112345678"), ("digits", "4915112345678")),
        ),
    ),
    send=send,
    check=check,
    is_addressed=True,
    has_subject=False,
)
