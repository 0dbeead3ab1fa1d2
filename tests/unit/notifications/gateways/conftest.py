"""What every kind of gateway is tried with: its provider, its values, and how to read what arrived."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from urllib.parse import parse_qs

import pytest
from pytest_django import Settings

from accounts.models import Workspace
from config.lib import clock
from config.lib.egress import Deadline
from notifications.gateways import kinds, telegram
from notifications.gateways.kind import Sending
from notifications.message import Message
from tests.servers.gateways import Provider, Received, provider
from tests.servers.smtp_sink import SmtpSink, smtp_sink

SID = "AC" + "0" * 32
SECRET = "whsec_" + "QUJD" * 8
ID = "6b0f7f5e-6a0c-4d5e-9b1a-1c2d3e4f5a6b"


@dataclass
class Trial:
    """One kind with its stand-in. `texts` reads subject and body, as far as the channel has them, from a request."""

    channel: str
    values: dict[str, str]
    texts: Callable[[Received], list[str]]
    to: str = ""
    ok: tuple[int, str] = (200, "ok")
    # What the provider says when it never takes anything again by this way.
    over: tuple[int, str] = (404, "no")
    provider: Provider = field(default_factory=Provider)

    def sending(self, message: Message | None = None, *, seconds: float = 5, **changed: object) -> Sending:
        made = Sending(
            id=ID,
            message=message or MESSAGE,
            to=self.to,
            values=self.values,
            at=clock.now(),
            deadline=Deadline(seconds),
            workspace=WORKSPACE,
        )
        return replace(made, **changed)  # type: ignore[arg-type]

    def send(self, message: Message | None = None, **changed: object) -> str:
        return kinds.get(self.channel).send(self.sending(message, **changed))  # type: ignore[arg-type]


WORKSPACE = Workspace(name="Acme")
MESSAGE = Message(
    type="certificate.expiring",
    subject="shop.example.org expires in 14 days",
    body="The certificate of shop.example.org expires on 20 November.",
    url="http://localhost:8000/w/1/",
    dedup_key="abc",
    facts=(("Issuer", "R12"),),
    data={"at": "2026-11-06T10:00:00Z"},
)


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def slack_texts(request: Received) -> list[str]:
    payload = json.loads(request.body)
    bodies = [block["text"]["text"] for block in payload["blocks"] if block["type"] == "section" and "text" in block]
    assert all(len(body) <= 3000 for body in bodies)
    return [_unescaped(payload["text"]), _unescaped("".join(bodies[:-1]))]


def teams_texts(request: Received) -> list[str]:
    assert len(request.body) <= 28_000
    (attachment,) = json.loads(request.body)["attachments"]
    lines = ["".join(run["text"] for run in line["inlines"]) for line in attachment["content"]["body"]]
    return lines[:2]


def webhook_texts(request: Received) -> list[str]:
    data = json.loads(request.body)["data"]
    return [data["subject"], data["body"]]


def twilio_texts(request: Received) -> list[str]:
    return parse_qs(request.body.decode(), keep_blank_values=True)["Body"]


def rest_texts(request: Received) -> list[str]:
    return [json.loads(request.body)["text"]]


def rest_get_texts(request: Received) -> list[str]:
    return parse_qs(request.target.partition("?")[2])["text"]


def discord_texts(request: Received) -> list[str]:
    payload = json.loads(request.body)
    assert payload["allowed_mentions"] == {"parse": []}
    (embed,) = payload["embeds"]
    return [embed["title"], embed["description"]]


def telegram_texts(request: Received) -> list[str]:
    payload = json.loads(request.body)
    assert payload["parse_mode"] == "HTML"
    assert len(payload["text"]) <= 4096
    title, _, rest = payload["text"].partition("</b>\n\n")
    return [_unescaped(title.removeprefix("<b>")), _unescaped(rest).partition("\n\nIssuer: ")[0]]


def trials(at: str) -> Mapping[str, Trial]:
    twilio = {"account_sid": SID, "auth_token": "t0ps3cr3t", "from": "+15017122661"}
    rest = {"method": "POST", "url": f"{at}/sms", "body_type": "json", "success_pattern": "ok", "secret": "s3cr3t"}
    rest |= {"body": '{"to": "{{to}}", "text": "{{message}}"}', "headers": "Authorization: Bearer {{secret}}"}
    get = {"method": "GET", "url": f"{at}/sms?to={{{{to}}}}&text={{{{message}}}}", "success_pattern": "ok"}
    telegram_values = {"token": f"123456:{'a' * 35}", "chat": "-1001234567"}
    created = (201, json.dumps({"sid": "SM1", "status": "queued"}))
    refused = (401, json.dumps({"code": 20003, "message": "Authenticate"}))
    return {
        "slack": Trial("slack", {"url": f"{at}/services/T/B/x"}, slack_texts, over=(404, "no_service")),
        "teams": Trial("teams", {"url": f"{at}/invoke?sig=a%2Fb"}, teams_texts, ok=(202, ""), over=(404, "")),
        "webhook": Trial("webhook", {"url": f"{at}/in", "secret": SECRET}, webhook_texts, over=(410, "gone")),
        "twilio": Trial("sms_twilio", twilio, twilio_texts, to="+4915112345678", ok=created, over=refused),
        "discord": Trial("discord", {"url": f"{at}/api/webhooks/1/x"}, discord_texts, ok=(200, '{"id": "9"}')),
        "telegram": Trial("telegram", telegram_values, telegram_texts, ok=(200, '{"ok": true}'), over=(401, "no")),
        "rest": Trial("sms_rest", rest, rest_texts, to="+4915112345678", over=(401, "no")),
        "rest-get": Trial("sms_rest", get, rest_get_texts, to="+4915112345678", over=(401, "no")),
    }


NAMES = list(trials(""))


@pytest.fixture
def inside(settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)


@pytest.fixture(params=NAMES)
def trial(
    request: pytest.FixtureRequest, settings: Settings, inside: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trial]:
    with provider() as server:
        settings.TWILIO_API_BASE = server.url
        monkeypatch.setattr(telegram, "BASE", server.url)
        made = trials(server.url)[request.param]
        made.provider = server
        server.answer_with(*made.ok)
        yield made


@pytest.fixture
def sink(inside: None) -> Iterator[SmtpSink]:
    with smtp_sink("none") as server:
        yield server


def email_values(sink: SmtpSink, **changed: str) -> dict[str, str]:
    values = {"host": "localhost", "port": str(sink.port), "tls": sink.security, "from_address": "alerts@acme.org"}
    return {**values, **changed}
