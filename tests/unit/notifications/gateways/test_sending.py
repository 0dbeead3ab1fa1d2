"""Deliveries through gateways: settled, repeated, switched off, told; and what nobody may send."""

import json
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Workspace
from auditlog.models import Event, PendingReaction
from config.lib import clock, jobs
from config.lib.sealed import Sealed
from notifications.gateways.testing import send_test
from notifications.models import Delivery, Gateway
from tests.cast import Cast, make_cast
from tests.servers.gateways import Provider, provider
from tests.servers.smtp_sink import smtp_sink
from tests.unit.notifications.gateways.conftest import MESSAGE, SID

pytestmark = pytest.mark.django_db

NUMBER = "+4915112345678"


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[Provider]:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    settings.VAR_DIR, settings.EMAIL_URL = tmp_path, ""
    with provider() as made:
        settings.TWILIO_API_BASE = made.url
        yield made


@pytest.fixture
def cast(server: Provider) -> Cast:
    made = make_cast()
    Workspace.objects.filter(pk=made.acme.pk).update(delivery_retries=2, retry_delay_minutes=5)
    return make_fresh(made)


def make_fresh(cast: Cast) -> Cast:
    cast.acme.refresh_from_db()
    return cast


def make_gateway(cast: Cast, server: Provider, channel: str = "webhook") -> Gateway:
    gateway = Gateway(workspace=cast.acme, channel=channel, name="Ours")
    if channel == "sms_twilio":
        gateway.config = {"account_sid": SID, "from": "+15017122661"}
        gateway.sealed_secrets = Sealed.of(json.dumps({"auth_token": "t0ps3cr3t"}))
    elif channel == "slack":
        gateway.sealed_secrets = Sealed.of(json.dumps({"url": f"{server.url}/services/T0/B0/s3cr3tpath"}))
    else:
        gateway.config = {"url": f"{server.url}/in"}
    gateway.save()
    return gateway


def deliver(cast: Cast, gateway: Gateway | None, key: str = "1", **fields: Any) -> Delivery:
    told = {"channel": gateway.channel if gateway else "email", "gateway": gateway, "event_kind": "rule.expiry"}
    made = Delivery.unscoped.create(
        workspace=cast.acme, dedup_key=key, run_after=clock.now(), message=MESSAGE.frozen(), **{**told, **fields}
    )
    jobs.run_due("delivery")
    made.refresh_from_db()
    return made


def again(delivery: Delivery) -> Delivery:
    Delivery.unscoped.filter(pk=delivery.pk).update(run_after=clock.now())
    jobs.run_due("delivery")
    delivery.refresh_from_db()
    return delivery


def test_what_is_taken_is_settled_and_the_gateway_tells(cast: Cast, server: Provider) -> None:
    gateway = make_gateway(cast, server)
    delivery = deliver(cast, gateway)
    assert (delivery.state, delivery.last_answer, delivery.attempts, delivery.wrote_at) == ("sent", "200 ok", 1, None)
    assert delivery.subject == MESSAGE.subject
    gateway.refresh_from_db()
    assert (gateway.last_ok, gateway.last_answer) == (True, "200 ok")
    assert server.requests[0].headers["webhook-id"] == str(delivery.pk)


def test_a_busy_provider_gets_its_time_and_the_last_try_is_told(cast: Cast, server: Provider) -> None:
    server.answer_with(503, "busy", Retry_After="600")
    gateway = make_gateway(cast, server)
    delivery = deliver(cast, gateway)
    assert delivery.state == "waiting"
    assert delivery.run_after is not None
    assert timedelta(seconds=590) < delivery.run_after - clock.now() <= timedelta(seconds=600)
    again(delivery)
    assert again(delivery).state == "failed"
    failure = Event.unscoped.get(kind="delivery.failed")
    assert failure.data["error"] == "503 busy"
    assert PendingReaction.objects.filter(pk=failure.pk).exists()
    assert {request.headers["webhook-id"] for request in server.requests} == {str(delivery.pk)}


def test_the_admins_are_told_of_it_by_platform_mail(cast: Cast, server: Provider, tmp_path: Path) -> None:
    server.answer_with(410, "gone")
    deliver(cast, make_gateway(cast, server))
    jobs.run_due("reaction")
    jobs.run_due("delivery")
    (mail,) = (tmp_path / "mail").glob("*.eml")
    assert "switched off" in mail.read_text()


def test_a_refusal_for_good_switches_off_once(cast: Cast, server: Provider) -> None:
    server.answer_with(410, "gone")
    gateway = make_gateway(cast, server)
    assert deliver(cast, gateway).state == "failed"
    gateway.refresh_from_db()
    assert (gateway.is_usable, gateway.disabled_code) == (False, "gateway_refused")
    late = deliver(cast, gateway, "2")
    assert (late.state, late.error_code) == ("failed", "gateway_off")
    assert len(server.requests) == 1
    assert Event.unscoped.filter(kind="gateway.disabled").count() == 1


def test_one_bad_number_is_not_the_gateway_s_fault(cast: Cast, server: Provider) -> None:
    server.answer_with(400, json.dumps({"code": 21211, "message": "Invalid 'To'"}))
    gateway = make_gateway(cast, server, "sms_twilio")
    assert deliver(cast, gateway, to=NUMBER).error_code == "recipient_refused"
    gateway.refresh_from_db()
    assert gateway.is_usable


@pytest.mark.parametrize(("channel", "times"), [("webhook", 2), ("sms_twilio", 1)])
def test_unsure_is_repeated_only_where_a_repetition_can_be_told(
    cast: Cast, server: Provider, channel: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.gateways.sending.SECONDS", 1)
    server.manner = "silent"
    delivery = deliver(cast, make_gateway(cast, server, channel), to=NUMBER if channel == "sms_twilio" else "")
    assert delivery.error_code == "delivery_unsure"
    again(delivery)
    assert len(server.requests) == times


@pytest.mark.parametrize(("channel", "state"), [("webhook", "sent"), ("sms_twilio", "failed")])
def test_a_worker_that_died_in_the_middle(cast: Cast, server: Provider, channel: str, state: str) -> None:
    """Its attempt is noted, and may have arrived."""
    gateway = make_gateway(cast, server, channel)
    server.answer_with(200, "ok")
    assert deliver(cast, gateway, to=NUMBER, wrote_at=clock.now()).state == state
    assert len(server.requests) == (1 if state == "sent" else 0)


@pytest.mark.parametrize(("field", "code"), [("paused_at", "gateway_paused"), ("disabled_at", "gateway_off")])
def test_what_is_paused_or_off_sends_nothing(cast: Cast, server: Provider, field: str, code: str) -> None:
    gateway = make_gateway(cast, server)
    Gateway.unscoped.filter(pk=gateway.pk).update(**{field: clock.now()})
    assert deliver(cast, gateway).error_code == code
    assert server.requests == []
    failure = Event.unscoped.get(kind="delivery.failed")
    assert not PendingReaction.objects.filter(pk=failure.pk).exists()


def test_what_is_deleted_sends_nothing(cast: Cast, server: Provider) -> None:
    assert deliver(cast, None, channel="webhook").error_code == "gateway_gone"


def test_secrets_that_come_back_are_not_kept(cast: Cast, server: Provider) -> None:
    server.answer_with(404, "no /services/T0/B0/s3cr3tpath here, services%2FT0%2FB0%2Fs3cr3tpath")
    gateway = make_gateway(cast, server, "slack")
    delivery = deliver(cast, gateway)
    gateway.refresh_from_db()
    kept = f"{delivery.last_answer} {delivery.error_params} {gateway.last_answer} {gateway.disabled_params}"
    assert "404 no" in kept
    assert "s3cr3tpath" not in kept + json.dumps(list(Event.unscoped.values_list("data", flat=True)))


def test_a_rule_s_message_goes_by_platform_mail(cast: Cast, server: Provider, tmp_path: Path) -> None:
    assert deliver(cast, None, to="ops@acme.org").state == "sent"
    (mail,) = (tmp_path / "mail").glob("*.eml")
    assert MESSAGE.body in mail.read_text()


def test_what_the_platform_could_not_mail_is_told_to_the_admins_unless_it_was_for_them(
    cast: Cast, settings: Settings
) -> None:
    with smtp_sink() as sink:
        settings.EMAIL_URL, sink.mood = sink.url, "reject"
        assert deliver(cast, None, "theirs", to="typo@acme.org").state == "failed"
        assert deliver(cast, None, "own", to=cast.admin.email, recipient=cast.admin).state == "failed"
        sink.mood = "ok"
        jobs.run_due("reaction")
        jobs.run_due("delivery")
        (mail,) = sink.mails
    assert mail.message["To"] == cast.admin.email
    assert "The message to typo@acme.org" in mail.subject
    assert Event.unscoped.filter(kind="delivery.failed").count() == 2


def test_the_day_s_mails_are_counted_and_the_cap_is_told_once(cast: Cast, server: Provider, settings: Settings) -> None:
    settings.PLATFORM_MAILS_A_DAY = 2
    states = [deliver(cast, None, str(number), to="ops@acme.org").state for number in range(5)]
    assert states == ["sent", "sent", "failed", "failed", "failed"]
    assert Event.unscoped.filter(kind="delivery.capped").count() == 1
    jobs.run_due("reaction")
    jobs.run_due("delivery")
    assert Delivery.unscoped.get(event_kind="delivery.capped").state == "sent"
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert deliver(cast, None, "tomorrow", to="ops@acme.org").state == "sent"


def test_the_day_s_text_messages_are_counted(cast: Cast, server: Provider, settings: Settings) -> None:
    settings.SMS_A_DAY = 1
    server.answer_with(201, json.dumps({"sid": "SM1", "status": "queued"}))
    gateway = make_gateway(cast, server, "sms_twilio")
    codes = [deliver(cast, gateway, str(number), to=NUMBER).error_code for number in range(2)]
    assert codes == ["", "sms_used_up"]
    assert len(server.requests) == 1


def test_a_test_is_tried_once_and_switches_nothing_off(cast: Cast, server: Provider) -> None:
    for status, said in ((503, "busy"), (410, "gone")):
        server.answer_with(status, said)
        gateway = Gateway.unscoped.first() or make_gateway(cast, server)
        test = send_test(gateway=gateway, to="", user=cast.admin)
        jobs.run_due("delivery")
        test.refresh_from_db()
        assert (test.state, test.last_answer, test.run_after) == ("failed", f"{status} {said}", None)
    gateway.refresh_from_db()
    assert (gateway.is_usable, gateway.last_ok) == (True, False)
    assert Event.unscoped.filter(kind__in=["gateway.disabled", "delivery.failed"]).count() == 0


def test_a_test_that_works_switches_on_again(cast: Cast, server: Provider) -> None:
    gateway = make_gateway(cast, server)
    Gateway.unscoped.filter(pk=gateway.pk).update(disabled_at=clock.now(), disabled_code="gateway_refused")
    test = send_test(gateway=gateway, to="", user=cast.admin)
    jobs.run_due("delivery")
    gateway.refresh_from_db()
    assert gateway.is_usable
    told = json.loads(server.requests[0].body)
    assert (told["test"], told["data"]["subject"][:6]) == (True, "[TEST]")
    test.refresh_from_db()
    assert test.is_test
