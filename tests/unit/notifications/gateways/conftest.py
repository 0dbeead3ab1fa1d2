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
from config.lib.sealed import Sealed
from domains.models import Domain
from notifications.gateways import kinds, opsgenie, pagerduty, telegram, zoho_desk
from notifications.gateways.kind import Sending
from notifications.message import Message
from notifications.models import Gateway
from tests.cast import Cast, make_cast
from tests.servers import vendors
from tests.servers.gateways import Provider, Received, provider
from tests.servers.smtp_sink import SmtpSink, smtp_sink
from tests.servers.vendors import Vendor, vendor

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


VENDORS = {
    "opsgenie": vendors.Opsgenie,
    "pagerduty": vendors.PagerDuty,
    "jira": vendors.Jira,
    "servicenow": vendors.ServiceNow,
    "zendesk": vendors.Zendesk,
    "freshservice": vendors.Freshservice,
    "zoho_desk": vendors.Zoho,
}


@pytest.fixture(params=list(VENDORS))
def there(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    with vendor(VENDORS[request.param]()) as server:
        monkeypatch.setattr(opsgenie, "BASES", {"eu": server.url})
        monkeypatch.setattr(pagerduty, "BASES", {"eu": server.url})
        monkeypatch.setattr(zoho_desk, "CENTRES", {"eu": (server.url, server.url)})
        monkeypatch.setattr(zoho_desk, "_tokens", {})
        server.channel = request.param
        yield server


def values(there: Vendor) -> dict[str, str]:
    url = {"url": there.url}
    return {
        "opsgenie": {"region": "eu", "key": "k3y"},
        "pagerduty": {"region": "eu", "key": "a" * 32},
        "jira": {**url, "email": "ops@acme.net", "project": "OPS", "issue_type": "Task", "token": "t0k3n"},
        "servicenow": {**url, "user": "svc", "password": "pw"},
        "zendesk": {**url, "email": "ops@acme.net", "token": "t0k3n"},
        "freshservice": {**url, "email": "ops@acme.net", "key": "k3y"},
        "zoho_desk": {
            "centre": "eu",
            "org": "42",
            "department": "7",
            "email": "ops@acme.net",
            "client_id": "c1",
            "secret": "s3cret:r3fresh",
        },
    }[there.channel]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return Domain.objects.create(workspace=cast.acme, host="shop.acme-tools.net", verified_at=clock.now())


@pytest.fixture
def gateway(cast: Cast, there: Vendor) -> Gateway:
    kind = kinds.get(there.channel)
    secret = next(field.name for field in kind.fields if field.is_secret)
    config = {name: value for name, value in values(there).items() if name != secret}
    sealed = Sealed.of(f'{{"{secret}": "{values(there)[secret]}"}}')
    return Gateway.objects.create(
        workspace=cast.acme, channel=kind.channel, name="ops", config=config, sealed_secrets=sealed
    )
