"""Templates are filled by one pass of one pattern: whatever else stands in a text or a value stands for itself."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Workspace
from config.lib.errors import NeedsUser, describe
from domains.models import Domain
from notifications.models import AlertTemplate, Channel, Trigger
from notifications.story import Story
from notifications.wordings.composing import BODY_AT_MOST, SHORT_AT_MOST, SUBJECT_AT_MOST, compose
from notifications.wordings.defaults import SHORT, default_text
from notifications.wordings.filling import check_variables, fill
from notifications.wordings.saving import InvalidTemplate, check_texts
from notifications.wordings.variables import VALUE_AT_MOST, VARIABLES, cleaned, expiry_in_words, values_of
from tests.unit.notifications.payloads import PAYLOADS

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
VALUES = {"domain": "shop.example.org", "issuer": "Test CA", "days_left": "12", "expires": "9 April 2026"}
HOSTILE = (
    "Evil\r\nBcc: all@example.org",
    "{{domain}}{{settings.SECRET_KEY}}",
    "{% include '/etc/passwd' %}",
    "<!channel> <script>alert(1)</script>",
    "A\0B",
    "\u202egnp.exe",
    "\u2028next line",
    "quote \" and \\ and '",
    "x" * 5_000,
    "=cmd|' /C calc'!A0",
    "*bold* [link](http://evil.example)",
    "\x1b[31mred",
)


def story(**given: Any) -> Story:
    told = {"trigger": Trigger.EXPIRY, "type": "certificate.expiring", "subject": "fp", "domain": None, "at": NOW}
    return Story(**{**told, "title": "The certificate expires in 12 days", "values": VALUES, **given})


def template(body: str, subject: str = "", channel: str = "email") -> AlertTemplate:
    return AlertTemplate(channel=channel, subject=subject, body=body)


def said(body: str, channel: str = "email", **given: Any) -> str:
    return compose(story(**given), channel=channel, template=template(body), dedup_key="k").body


def test_there_are_two_hundred_payloads() -> None:
    assert len(set(PAYLOADS)) == 200


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_in_a_template_stands_for_itself(payload: str) -> None:
    assert fill(payload, {**VALUES, "settings": "canary", "request": "canary"}) == payload
    assert said(f"a {payload} b") == f"a {payload} b"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_in_a_value_is_never_read(payload: str) -> None:
    values = {**VALUES, "issuer": f"{payload} {{{{domain}}}}"}
    assert said("by {{issuer}}.", values=values) == f"by {payload} {{{{domain}}}}."


def test_a_name_that_two_values_would_make_is_not_read_either() -> None:
    values = {**VALUES, "issuer": "{{dom", "domain": "ain}}"}
    assert said("{{issuer}}{{domain}}", values=values) == "{{domain}}"


def test_spaces_around_a_name_do_not_count_and_more_braces_stand_for_themselves() -> None:
    assert fill("{{ domain }}|{{domain}}|{{{domain}}}|{domain}", VALUES) == (
        "shop.example.org|shop.example.org|{shop.example.org}|{domain}"
    )


@pytest.mark.parametrize("text", ["{{" * 2_000, "{{" + " " * 4_000, "{{ x" * 1_000, "}}" * 2_000, "{" * 4_000])
def test_no_text_takes_long(text: str) -> None:
    began = time.perf_counter()
    assert fill(text, VALUES) == text
    assert time.perf_counter() - began < 0.1


@pytest.mark.parametrize(
    ("text", "name", "line", "column"),
    [
        ("{{nope}}", "nope", 1, 1),
        ("a {{domain}} {{nope}}", "nope", 1, 14),
        ("one\ntwo\n  {{ days left }} {{other}}", "days left", 3, 3),
        ("{{settings.SECRET_KEY}}", "settings.SECRET_KEY", 1, 1),
        ("ü{{}}", "", 1, 2),
        ("{{domain|upper}}", "domain|upper", 1, 1),
    ],
)
def test_an_unknown_variable_is_refused_with_its_position(text: str, name: str, line: int, column: int) -> None:
    with pytest.raises(NeedsUser, match="variable_unknown") as refused:
        check_variables(text, VARIABLES)
    params = refused.value.params
    assert (params["name"], params["line"], params["column"]) == (name, line, column)
    wording = describe(refused.value.code, params)
    assert wording.title == f"{{{{{name}}}}} is no variable"
    assert f"line {line}, column {column}" in wording.why
    assert "days_left" in wording.why


def test_what_looks_like_another_engines_language_is_plain_text() -> None:
    check_variables("{% load x %} {domain} ${x} <%= y %> {# c #} { {domain} }", VARIABLES)


def test_every_variable_has_a_value_and_may_be_used_everywhere() -> None:
    text = " ".join(one.written for one in VARIABLES.values())
    check_texts("email", name="all", subject="", body=text)
    assert set(values_of(story())) == set(VARIABLES)
    assert "{{" not in said(text)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("channel", Channel.values)
def test_a_hostile_issuer_stays_on_its_line_and_in_its_bounds(name: str, channel: str) -> None:
    values, facts = {**VALUES, "issuer": name}, (("Issued by", name),)
    message = compose(
        story(values=values, facts=facts),
        channel=channel,
        template=template("by {{issuer}}\nend", "{{issuer}}", channel),
        dedup_key="k",
    )
    shown = cleaned(name)
    assert len(message.subject.splitlines()) == 1
    assert len(message.subject) <= SUBJECT_AT_MOST
    assert message.facts == (("Issued by", shown),)
    for text in (message.subject, message.body, shown):
        assert not set(text) & set("\0\r\x1b\u202e\u2028")
    if len(shown) < 300:
        assert message.body == f"by {shown}\nend"


def test_joiners_of_other_scripts_stay() -> None:
    assert cleaned("क्\u200dष") == "क्\u200dष"
    assert len(cleaned("x" * 9_999)) == VALUE_AT_MOST


def test_lengths_are_bounded() -> None:
    long = dict.fromkeys(VALUES, "y" * 900)
    body = "{{issuer}} {{domain}} " * 100
    message = compose(story(values=long), channel="slack", template=template(body, body[:200]), dedup_key="k")
    assert (len(message.body), len(message.subject)) == (BODY_AT_MOST, SUBJECT_AT_MOST)
    short = compose(story(values=long), channel="sms_twilio", template=template(body), dedup_key="k")
    assert len(short.body) == SHORT_AT_MOST
    assert short.body.endswith("...")


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(days=12, hours=1), "expires in 12 days"),
        (timedelta(days=1, hours=1), "expires in 1 day"),
        (timedelta(hours=20), "expires tomorrow"),
        (timedelta(hours=3), "expires today"),
        (timedelta(0), "expired today"),
        (-timedelta(hours=3), "expired today"),
        (-timedelta(hours=20), "expired yesterday"),
        (-timedelta(days=1, hours=2), "expired 1 day ago"),
        (-timedelta(days=3, hours=2), "expired 3 days ago"),
        (timedelta(days=1_200), "expires in 1,200 days"),
    ],
)
def test_the_end_is_told_in_words(away: timedelta, words: str) -> None:
    assert expiry_in_words(story(data={"not_after": (NOW + away).isoformat()})) == words


def test_the_workspaces_zone_decides_the_day() -> None:
    end = {"not_after": (NOW + timedelta(hours=11)).isoformat()}
    domain = Domain(host="shop.example.org", workspace=Workspace(name="Acme", time_zone="Asia/Tokyo"))
    assert expiry_in_words(story(data=end)) == "expires today"
    assert expiry_in_words(story(data=end, domain=domain)) == "expires tomorrow"


@pytest.mark.parametrize("channel", Channel.values)
@pytest.mark.parametrize("trigger", Trigger.values)
def test_every_channel_has_words_for_every_trigger(channel: str, trigger: str) -> None:
    subject, body = default_text(channel, trigger)
    check_texts(channel, name="default", subject=subject, body=body)
    data = {"not_after": (NOW + timedelta(days=12)).isoformat()} if trigger == Trigger.EXPIRY else {}
    values = {**VALUES, "title": "The chain is incomplete", "why": "One is missing.", "fix": ""}
    facts = (("Status", "succeeded"),)
    message = compose(
        story(trigger=trigger, values=values, data=data, facts=facts), channel=channel, template=None, dedup_key="k"
    )
    assert message.subject.startswith("shop.example.org: ")
    assert message.body
    assert "{{" not in message.subject + message.body
    assert "What to do:" not in message.body, "nothing is to be done, so nothing says so"
    assert "\n\n\n" not in message.body
    if channel in SHORT:
        assert message.body.isascii()
        assert len(message.body) <= 160


def test_a_text_message_is_written_in_its_own_alphabet() -> None:
    assert said("“{{domain}}” — it\u2019s due…", channel="sms_rest") == '"shop.example.org" - it\'s due...'
    assert said("“{{domain}}” — it\u2019s due…", channel="email") == "“shop.example.org” — it\u2019s due…"


def test_a_template_without_a_subject_has_the_usual_one() -> None:
    message = compose(
        story(data={"not_after": (NOW + timedelta(days=12)).isoformat()}),
        channel="sms_twilio",
        template=template("hello"),
        dedup_key="k",
    )
    assert message.subject == "shop.example.org: the certificate expires in 12 days"


def test_a_persons_own_empty_label_stays() -> None:
    assert said("What to do:\nlook at {{domain}}") == "What to do:\nlook at shop.example.org"


@pytest.mark.parametrize(
    ("field", "texts", "code"),
    [
        ("name", {"name": "  "}, "template_name_missing"),
        ("body", {"body": " \r\n "}, "template_body_missing"),
        ("name", {"name": "n" * 81}, "template_too_long"),
        ("subject", {"subject": "s" * 201}, "template_too_long"),
        ("body", {"body": "b" * 4_001}, "template_too_long"),
        ("subject", {"subject": "{{nope}}"}, "variable_unknown"),
        ("body", {"body": "x\n{{nope}}"}, "variable_unknown"),
    ],
)
def test_what_cannot_be_kept_is_told_beside_its_field(field: str, texts: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        check_texts("email", **{"name": "n", "subject": "", "body": "b", **texts})
    assert (refused.value.field_name, refused.value.code) == (field, code)


def test_a_text_message_has_less_room() -> None:
    check_texts("slack", name="n", subject="", body="b" * 460)
    with pytest.raises(InvalidTemplate, match="template_too_long"):
        check_texts("sms_rest", name="n", subject="", body="b" * 460)
