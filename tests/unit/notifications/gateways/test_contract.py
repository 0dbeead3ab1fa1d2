"""What every kind of gateway does alike, against a provider at the other end of a real connection."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from config.lib.egress import Unreachable
from config.lib.errors import ExpectedError, Permanent, Transient
from notifications.gateways import kinds, telegram
from notifications.gateways.kind import GatewayRefused, RecipientRefused, Unsure
from tests.servers.ports import free_port
from tests.unit.notifications.gateways.conftest import MESSAGE, Trial

HOSTILE = [
    "Evil\r\nBcc: all@acme.org\r\n\r\nCA",
    "<script>alert(1)</script>",
    "<!channel> <@U1> <https://evil.example|click>",
    "\"quoted\" 'and' \\back\\ {{to}} {{secret}} {% now %}",
    "[click](https://evil.example) **bold** _x_",
    "\u202egnp.exe \u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627",
    "\U0001f512\U0001f468\u200d\U0001f469\u200d\U0001f467 ✓",
    "&amp; &lt; %0d%0a + a=b&c=d",
    "x" * 10_000,
]


def test_a_message_is_taken_and_the_answer_told(trial: Trial) -> None:
    status = trial.ok[0]
    assert trial.send().startswith(str(status))
    assert len(trial.provider.requests) == 1


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_arrives_as_it_is(trial: Trial, text: str) -> None:
    trial.send(replace(MESSAGE, body=text))
    body = trial.texts(trial.provider.requests[0])[-1]
    assert body == text or (len(text) > 1600 and text.startswith(body.rstrip("…")) and len(body) >= 1600)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_subject_or_fact_breaks_nothing(trial: Trial, text: str) -> None:
    assert trial.send(replace(MESSAGE, subject=text, facts=((text[:50], text),) * 12))
    raw = trial.provider.requests[0].body
    if trial.channel == "slack":
        assert b"<!channel>" not in raw
        assert b"<script>" not in raw
    trial.texts(trial.provider.requests[0])


def test_a_refusal_for_good_switches_off(trial: Trial) -> None:
    trial.provider.answer_with(*trial.over)
    with pytest.raises(GatewayRefused) as refusal:
        trial.send()
    assert str(trial.over[0]) in refusal.value.params["answer"]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_provider_is_asked_again_when_it_says(trial: Trial, status: int) -> None:
    trial.provider.answer_with(status, "later", Retry_After="120")
    sending = trial.sending()
    with pytest.raises(Transient) as later:
        kinds.get(trial.channel).send(sending)
    assert not isinstance(later.value, Unsure)
    assert later.value.retry_at == sending.at + timedelta(seconds=120)


def test_a_redirect_is_not_followed(trial: Trial) -> None:
    trial.provider.answer_with(307, "", Location=f"{trial.provider.url}/else")
    with pytest.raises((Permanent, Transient)):
        trial.send()
    assert len(trial.provider.requests) == 1


def test_silence_after_the_request_is_unsure(trial: Trial) -> None:
    trial.provider.manner = "silent"
    with pytest.raises(Unsure):
        trial.send(seconds=1)
    assert len(trial.provider.requests) == 1


def test_nobody_there_is_not_unsure(trial: Trial, settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    settings.TWILIO_API_BASE = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
    monkeypatch.setattr(telegram, "BASE", f"http://127.0.0.1:{port}")
    moved = {name: value.replace(f":{trial.provider.port}/", f":{port}/") for name, value in trial.values.items()}
    with pytest.raises(Unreachable) as failure:
        trial.send(values=moved)
    assert not isinstance(failure.value, Unsure)
    assert not failure.value.was_written


def test_a_long_answer_is_cut_and_is_no_failure(trial: Trial) -> None:
    if trial.channel in ("slack", "sms_twilio", "telegram"):
        pytest.skip("these judge the text of the answer, which is short")
    trial.provider.answer_with(trial.ok[0], "ok" + "x" * 50_000)
    assert len(trial.send()) <= 500


def test_a_repetition_is_the_same(trial: Trial) -> None:
    trial.send()
    trial.send()
    first, second = trial.provider.requests
    assert (first.target, first.body) == (second.target, second.body)
    assert first.headers.get("webhook-id") == second.headers.get("webhook-id")


def test_http_is_for_the_operator_s_own_network_only(trial: Trial, settings: object) -> None:
    settings.EGRESS_ALLOW_CIDRS = ()  # type: ignore[attr-defined]
    with pytest.raises(ExpectedError):
        trial.send()
    assert trial.provider.requests == []


@pytest.mark.parametrize("answer", ["<html>Sign in</html>", "", "ERR 12"])
@pytest.mark.parametrize("trial", ["slack", "twilio", "rest", "rest-get"], indirect=True)
def test_an_answer_that_says_something_else_is_no_success(trial: Trial, answer: str) -> None:
    trial.provider.answer_with(200, answer)
    with pytest.raises(Permanent):
        trial.send()


@pytest.mark.parametrize("trial", ["twilio"], indirect=True)
@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        *((code, 400, RecipientRefused) for code in (21211, 21610, 21612, 21614)),
        *((code, 400, GatewayRefused) for code in (21212, 21408, 21606, 21608, 21659)),
        (20003, 401, GatewayRefused),
        (20404, 404, GatewayRefused),
        (20429, 429, Transient),
        (21617, 400, Permanent),
    ],
)
def test_twilio_s_codes(trial: Trial, code: int, status: int, kind: type[Exception]) -> None:
    trial.provider.answer_with(status, json.dumps({"code": code, "message": "No", "status": status}))
    with pytest.raises(kind) as refusal:
        trial.send()
    assert isinstance(refusal.value, ExpectedError)
    assert type(refusal.value) is kind
    assert str(code) in refusal.value.params["answer"]


@pytest.mark.parametrize("trial", ["webhook"], indirect=True)
def test_a_webhook_that_is_restarted_is_asked_again(trial: Trial) -> None:
    for status in (400, 401, 404):
        trial.provider.answer_with(status, "no")
        with pytest.raises(Transient):
            trial.send()


@pytest.mark.parametrize("trial", ["discord", "telegram"], indirect=True)
def test_a_wait_that_is_named_in_the_body_is_kept(trial: Trial) -> None:
    said = {"discord": {"retry_after": 7.5}, "telegram": {"ok": False, "parameters": {"retry_after": 7}}}
    trial.provider.answer_with(429, json.dumps(said[trial.channel]))
    sending = trial.sending()
    with pytest.raises(Transient) as later:
        kinds.get(trial.channel).send(sending)
    assert later.value.retry_at
    assert timedelta(seconds=7) <= later.value.retry_at - sending.at < timedelta(seconds=8)


@pytest.mark.parametrize("trial", ["telegram"], indirect=True)
@pytest.mark.parametrize("words", ["Forbidden: bot was kicked from the group chat", "Bad Request: chat not found"])
def test_a_chat_that_the_bot_has_left_switches_off(trial: Trial, words: str) -> None:
    trial.provider.answer_with(400, json.dumps({"ok": False, "description": words}))
    with pytest.raises(GatewayRefused):
        trial.send()


@pytest.mark.parametrize("trial", ["telegram"], indirect=True)
def test_a_group_that_became_a_supergroup_is_followed_once(trial: Trial) -> None:
    moved = {"ok": False, "description": "Bad Request: group chat was upgraded to a supergroup chat"}
    trial.provider.answer_with(400, json.dumps({**moved, "parameters": {"migrate_to_chat_id": -1009}}))
    with pytest.raises(GatewayRefused):
        trial.send()
    assert [json.loads(request.body)["chat_id"] for request in trial.provider.requests] == ["-1001234567", "-1009"]
