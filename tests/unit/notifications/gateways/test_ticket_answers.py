"""Strangers' answers about tickets: what they echo is blanked, and nothing in them breaks a worker."""

import pytest

from config.lib import clock
from config.lib.errors import ExpectedError, InvalidValue, Permanent, Transient
from config.lib.sealed import Sealed
from domains.models import Domain
from notifications.deliveries import send_deliveries
from notifications.gateways import ntfy, telegram
from notifications.gateways.json_api import Reply, said
from notifications.models import Gateway
from tests.cast import Cast
from tests.servers.gateways import provider
from tests.servers.vendors import Vendor
from tests.unit.notifications.gateways.telling import delivery, message, send

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("there", ["jira", "servicenow", "zendesk", "freshservice"], indirect=True)
def test_an_echoed_login_is_blanked(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    there.troubles = [(400, f"Your headers: authorization: {there.login}", {})]
    with pytest.raises(Permanent) as refusal:
        send(delivery(gateway, domain, message(domain)))
    assert there.login.removeprefix("Basic ") not in str(refusal.value.params)


@pytest.mark.parametrize("there", ["zoho_desk"], indirect=True)
def test_parts_of_zoho_s_secret_are_blanked(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    there.troubles = [(400, {"given": {"client_secret": "s3cret", "refresh_token": "r3fresh"}}, {})]
    with pytest.raises(ExpectedError) as refusal:
        send(delivery(gateway, domain, message(domain)))
    assert "r3fresh" not in str(refusal.value.params)
    assert "s3cret" not in str(refusal.value.params)


@pytest.mark.parametrize("there", ["zoho_desk"], indirect=True)
def test_a_token_s_life_in_words_is_an_hour(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    there.troubles = [(200, {"access_token": "a", "expires_in": "an hour"}, {})]
    send(delivery(gateway, domain, message(domain)))
    assert len(there.tickets) == 1


@pytest.mark.parametrize("there", ["jira"], indirect=True)
def test_a_retry_after_beyond_all_zones_is_none(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    there.troubles = [(503, {}, {"Retry-After": "Mon, 01 Jan 2030 00:00:00 +99999999999999999999"})]
    with pytest.raises(Transient) as later:
        send(delivery(gateway, domain, message(domain)))
    assert later.value.retry_at is None


@pytest.mark.parametrize("there", ["opsgenie"], indirect=True)
def test_opsgenie_s_period_is_waited_for(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    there.troubles = [(429, {"message": "throttled"}, {"X-RateLimit-Period-In-Sec": "60"})]
    with pytest.raises(Transient) as later:
        send(delivery(gateway, domain, message(domain)))
    assert later.value.retry_at


@pytest.mark.parametrize("answer", ['{"id": "\\ud800"}', '{"id": "a\\u0000b"}'])
def test_half_a_character_in_an_answer_is_stored(cast: Cast, domain: Domain, inside: None, answer: str) -> None:
    with provider() as server:
        server.answer_with(200, answer)
        config = {"url": server.url, "topic": "t"}
        gateway = Gateway.objects.create(workspace=cast.acme, channel="ntfy", name="n", config=config)
        row = delivery(gateway, domain, message(domain))
        row.lease_until = clock.now().replace(year=2100)
        row.save()
        send_deliveries([row])
    row.refresh_from_db()
    assert row.state == "sent"


def test_a_chat_s_new_number_is_kept(cast: Cast, domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_sending: object, _method: str, _url: str, _headers: object, body: dict[str, str]) -> Reply:
        if body["chat_id"] == "-1009":
            return Reply(200, {"ok": True}, "200 ok")
        moved = '{"ok": false, "parameters": {"migrate_to_chat_id": -1009}}'
        raise Permanent("gateway_answer", answer=f"400 {moved}")

    monkeypatch.setattr(telegram, "ask", ask)
    token = Sealed.of('{"token": "123456:abc"}')
    gateway = Gateway.objects.create(
        workspace=cast.acme, channel="telegram", name="t", config={"chat": "-1001"}, sealed_secrets=token
    )
    assert "the chat is -1009 now" in send(delivery(gateway, domain, message(domain)))
    gateway.refresh_from_db()
    assert gateway.config == {"chat": "-1009"}


def test_words_are_bounded_and_plain() -> None:
    assert said("a\0\ud800b") == "a\N{REPLACEMENT CHARACTER}?b"
    assert len(said("x" * 5_000)) == 500


@pytest.mark.parametrize("token", ["tk_a\N{EN DASH}b", "tk a"])
def test_a_token_that_no_header_can_hold_is_refused_beside_its_field(inside: None, token: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        ntfy.check({"url": "https://ntfy.sh", "topic": "t", "token": token})
    assert refusal.value.field_name == "token"
