"""A webhook of one's own, signed as Standard Webhooks 1.0 says."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping

from config.lib.errors import InvalidValue, Transient
from notifications.gateways.exchange import check_url, exchange, in_words, retry_at
from notifications.gateways.kind import Field, GatewayKind, GatewayRefused, Sending
from notifications.models import Channel

_PREFIX = "whsec_"
_GONE = 410


def body_of(sending: Sending) -> bytes:
    """The same bytes at every attempt: the receiver may compare them."""
    message = sending.message
    told = {"subject": message.subject, "body": message.body, "severity": message.severity, "url": message.url}
    data = {**told, "facts": dict(message.facts), "dedup_key": message.dedup_key, **message.data}
    payload = {"type": message.type, "timestamp": message.data.get("at", ""), "test": sending.is_test, "data": data}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def signature_of(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,<base64>`; the signed text is `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def send(sending: Sending) -> str:
    body = body_of(sending)
    headers = {"content-type": "application/json", "webhook-id": sending.id}
    headers["webhook-timestamp"] = timestamp = str(int(sending.at.timestamp()))
    if sending.values.get("secret"):
        headers["webhook-signature"] = signature_of(sending.values["secret"], sending.id, timestamp, body)
    answer = exchange(sending, sending.values["url"], body=body, headers=headers)
    if answer.status == _GONE:
        raise GatewayRefused(answer=in_words(answer))
    if not 200 <= answer.status < 300:
        # A receiver of one's own is often only being restarted: the specification has every refusal repeated.
        raise Transient("gateway_later", retry_at=retry_at(answer, sending.at), answer=in_words(answer))
    return in_words(answer)


def check(values: Mapping[str, str]) -> None:
    check_url("url", values["url"])
    secret = values.get("secret", "")
    if not secret:
        return
    try:
        length = len(base64.b64decode(secret.removeprefix(_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if not secret.startswith(_PREFIX) or not 24 <= length <= 64:
        raise InvalidValue("secret", "webhook_secret_malformed")


KIND = GatewayKind(
    channel=Channel.WEBHOOK,
    label="Webhook",
    about="A JSON message to an address of your own, signed as Standard Webhooks says.",
    fields=(
        Field("url", "URL", "What takes the message. It has to begin with https://.", kind="url", is_host=True),
        Field(
            "secret",
            "Signing secret",
            "whsec_ and 24 to 64 bytes in base64. The receiver checks the signature by it; empty: none.",
            is_secret=True,
            is_required=False,
        ),
    ),
    send=send,
    check=check,
    repeats_safely=True,
)
