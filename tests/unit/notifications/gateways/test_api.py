"""The API and the pages of gateways: fields, secrets, hosts, deleting."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from auditlog.models import Event
from notifications.models import Channel, Gateway, Rule
from tests.cast import Cast, make_cast
from tests.servers.gateways import Provider, provider
from tests.unit.notifications.gateways.conftest import SECRET, SID

pytestmark = pytest.mark.django_db

SLACK = "https://hooks.slack.com/services/T0/B0/s3cr3tpath"


@pytest.fixture
def cast(settings: Settings) -> Cast:
    settings.ANSWER_WITHIN_SECONDS = 0.0
    return make_cast()


@pytest.fixture
def server(settings: Settings) -> Iterator[Provider]:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    with provider() as made:
        yield made


class Api:
    def __init__(self, cast: Cast) -> None:
        self._headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
        self._client = Client()

    def __call__(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        options = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        answer = getattr(self._client, method.lower())(f"/api{path}", headers=self._headers, **options)
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    def make(self, kind: str, name: str = "Ours", **config: str) -> Any:
        return self("POST", "/gateways", {"kind": kind, "name": name, "config": config}, status=201)

    def refused(self, kind: str, **config: str) -> list[str]:
        told = self("POST", "/gateways", {"kind": kind, "name": "Ours", "config": config}, status=422)
        return list(told["fields"])


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast)


def test_every_kind_tells_its_fields(api: Api) -> None:
    found = {one["kind"]: one for one in api("GET", "/gateway-kinds")["items"]}
    assert set(found) == set(Channel.values)
    for kind in found.values():
        assert kind["label"]
        assert all(field["where"] for field in kind["fields"])


def test_secrets_are_never_shown_again(api: Api) -> None:
    made = api.make("slack", url=SLACK)
    assert made["config"] == {"url": "***"}
    shown = api("GET", f"/gateways/{made['id']}")
    kept = str(Gateway.unscoped.values())
    assert "s3cr3tpath" not in json.dumps(shown) + kept + str(Event.unscoped.values_list("data", flat=True))


@pytest.mark.parametrize(
    ("kind", "config", "field"),
    [
        ("webhook", {"url": "http://alerts.example.net/"}, "config.url"),
        ("webhook", {"url": "http://127.0.0.1/"}, "config.url"),
        ("webhook", {"url": "ftp://x.example.net/"}, "config.url"),
        ("webhook", {"url": "https://u:p@x.example.net/"}, "config.url"),
        ("webhook", {"url": "https://x.example.net/", "secret": "whsec_short"}, "config.secret"),
        ("webhook", {"url": "https://x.example.net/", "colour": "red"}, "config.colour"),
        ("webhook", {}, "config.url"),
        ("slack", {"url": "https://hooks.slack.com/workflows/T0/x"}, "config.url"),
        ("slack", {"url": "https://hooks.slack.com.evil.example/services/x"}, "config.url"),
        ("teams", {"url": "https://acme.webhook.office.com/webhookb2/x"}, "config.url"),
        ("teams", {"url": "https://evil.example/x"}, "config.url"),
        ("sms_twilio", {"account_sid": "AC1", "auth_token": "t", "from": "+15017122661"}, "config.account_sid"),
        ("sms_twilio", {"account_sid": SID, "auth_token": "t"}, "config.from"),
        (
            "sms_rest",
            {"url": "https://x.example.net/?t={{to}}&m={{message}}", "method": "GET"},
            "config.success_pattern",
        ),
        ("sms_rest", {"url": "https://{{to}}/{{message}}", "method": "GET", "success_pattern": "ok"}, "config.url"),
        ("email", {"host": "mail.acme.org", "tls": "none", "user": "u", "from_address": "a@acme.org"}, "config.tls"),
    ],
)
def test_what_cannot_work_is_refused_beside_its_field(api: Api, kind: str, config: dict[str, str], field: str) -> None:
    assert api.refused(kind, **config) == [field]


def test_the_operator_s_own_network_may_be_reached_without_tls(api: Api, server: Provider) -> None:
    assert api.make("webhook", url=server.url + "/in", secret=SECRET)["config"]["secret"] == "***"


def test_another_server_does_not_get_the_old_secret(api: Api) -> None:
    made = api.make("webhook", url="https://one.example.net/in", secret=SECRET)
    path = f"/gateways/{made['id']}"
    api("PATCH", path, {"name": "Other", "config": {"url": "https://one.example.net/in"}})
    told = api("PATCH", path, {"config": {"url": "https://two.example.net/in"}}, status=422)
    assert list(told["fields"]) == ["config.secret"]
    assert api("GET", path)["config"]["url"] == "https://one.example.net/in"
    changed = api("PATCH", path, {"config": {"url": "https://two.example.net/in", "secret": ""}})
    assert changed["config"] == {"url": "https://two.example.net/in"}


def test_a_mask_that_comes_back_changes_nothing(api: Api) -> None:
    made = api.make("slack", url=SLACK)
    before = Gateway.unscoped.values_list("sealed_secrets", flat=True)[0]
    api("PATCH", f"/gateways/{made['id']}", {"name": "Another", "config": made["config"]})
    row = Gateway.unscoped.get()
    assert row.name == "Another"
    assert before
    assert row.sealed_secrets


def test_several_of_one_kind_need_different_names(api: Api) -> None:
    api.make("slack", "A", url=SLACK)
    api.make("slack", "B", url=SLACK)
    body = {"kind": "slack", "name": "A", "config": {"url": SLACK}}
    assert api("POST", "/gateways", body, status=409)["code"] == "gateway_name_taken"


def test_what_rules_use_is_not_deleted(api: Api, cast: Cast) -> None:
    made = api.make("slack", url=SLACK)
    rule = Rule.unscoped.create(workspace=cast.acme, name="Prod", channel="slack", gateway_id=made["id"])
    refused = api("DELETE", f"/gateways/{made['id']}", status=409)
    assert refused["code"] == "gateway_in_use"
    assert "Prod" in refused["detail"]
    rule.delete()
    api("DELETE", f"/gateways/{made['id']}", status=204)
    api("GET", f"/gateways/{made['id']}", status=404)


def test_pause_and_resume(api: Api) -> None:
    path = f"/gateways/{api.make('slack', url=SLACK)['id']}"
    assert api("PATCH", path, {"paused": True})["state"] == "paused"
    assert api("PATCH", path, {"paused": False})["state"] == "on"


def test_a_test_that_is_not_over_can_be_asked_for(api: Api, server: Provider) -> None:
    made = api.make("webhook", url=server.url + "/in")
    told = api("POST", f"/gateways/{made['id']}/test", {}, status=202)
    row = api("GET", told["url"].removeprefix("/api"))
    assert (row["state"], row["test"], row["gateway"]) == ("waiting", True, made["id"])
    assert api("GET", f"/deliveries?gateway={made['id']}")["items"] == [row]


def test_a_number_is_needed_for_a_text_message(api: Api) -> None:
    made = api.make("sms_twilio", account_sid=SID, auth_token="t", **{"from": "+15017122661"})
    for to in ("", "0151 12345678", "x"):
        assert list(api("POST", f"/gateways/{made['id']}/test", {"to": to}, status=422)["fields"]) == ["to"]
    api("POST", f"/gateways/{made['id']}/test", {"to": "+49 (151) 1234-5678"}, status=202)


def test_the_pages_from_the_gallery_to_deletion(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.admin)
    base = f"/w/{cast.acme.pk}/settings/gateways/"
    assert b"Microsoft Teams" in client.get(base).content
    found = client.get(base + "?q=slack").content
    assert b"Add<span" in found
    assert b"Microsoft Teams" not in found
    form = client.get(base + "add/?kind=slack").content.decode()
    assert "Incoming Webhooks" in form
    assert client.post(base + "add/?kind=slack", {"name": "Ops", "config-url": "https://x.example/"}).status_code == 422
    made = client.post(base + "add/?kind=slack", {"name": "Ops", "config-url": SLACK})
    assert made.status_code == 302
    page = client.get(made["Location"]).content.decode()
    assert "Send test" in page
    assert "s3cr3tpath" not in page
    edited = client.post(made["Location"] + "edit/", {"name": "Ops 2", "config-url": ""})
    assert edited.status_code == 302
    assert Gateway.unscoped.get().sealed_secrets
    assert "still under way" in client.post(made["Location"] + "test/").content.decode()
    client.post(made["Location"] + "pause/")
    assert not Gateway.unscoped.get().is_usable
    client.post(made["Location"] + "resume/")
    client.post(made["Location"] + "delete/")
    assert not Gateway.unscoped.exists()
