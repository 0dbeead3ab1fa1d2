"""Settings, Alert templates, and the same by the API."""

from typing import Any

import pytest
from django.test import Client

from auditlog.events import SYSTEM, sentence
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import NeedsUser
from notifications.models import AlertTemplate
from notifications.wordings.preview import find_domain, preview_of
from notifications.wordings.saving import TEMPLATES_AT_MOST, create_template, delete_template
from tests.cast import Cast, make_cast
from tests.unit.notifications.payloads import PAYLOADS
from tests.unit.notifications.watched import make_rule, watched

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

BODY = "{{host}} {{expiry}}, on {{expires}}, by {{issuer}}"
GIVEN = {"channel": "email", "name": "On call", "subject": "{{domain}}", "body": BODY}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


def url(cast: Cast, rest: str = "") -> str:
    return f"/w/{cast.acme.pk}/settings/templates/{rest}"


def make(cast: Cast, **given: Any) -> AlertTemplate:
    return create_template(workspace=cast.acme, actor=SYSTEM, **{**GIVEN, **given})


def page(answer: Any) -> str:
    return str(answer.content.decode())


def test_an_empty_list_teaches_and_a_template_is_made(cast: Cast, client: Client) -> None:
    assert "New template" in page(client.get(url(cast)))
    assert "{{days_left}}" in page(client.get(url(cast, "add/")))
    answer = page(client.post(url(cast, "add/"), GIVEN, follow=True))
    assert "On call is saved" in answer
    assert "no rule" in answer
    row = AlertTemplate.objects.for_workspace(cast.acme).get()
    assert (row.channel, row.subject, row.body) == ("email", "{{domain}}", BODY)
    event = Event.unscoped.get(kind="template.created")
    assert sentence(event) == "admin@example.org made the alert template On call for Email"


def test_the_form_begins_with_the_words_of_the_channel(cast: Cast, client: Client) -> None:
    assert "What to do: {{fix}}" in page(client.get(url(cast, "add/")))
    short = page(client.get(url(cast, "add/?channel=sms_twilio")))
    assert "certificate {{expiry}} ({{expires}})" in short
    assert "At most 459 characters" in short
    assert client.get(url(cast, "add/?channel=pigeon")).status_code == 200


def test_a_mistake_is_told_beside_its_field_and_the_text_stays(cast: Cast, client: Client) -> None:
    answer = client.post(url(cast, "add/"), {**GIVEN, "body": "two\n{{nope}}"})
    assert answer.status_code == 422
    assert "It stands in line 2, column 1." in page(answer)
    assert 'id="id_body_error"' in page(answer)
    assert "two\n{{nope}}" in page(answer)
    make(cast)
    taken = client.post(url(cast, "add/"), GIVEN)
    assert (taken.status_code, "There is a template On call already" in page(taken)) == (422, True)
    assert client.post(url(cast, "add/"), {**GIVEN, "channel": "slack"}).status_code == 302


def test_a_template_is_changed_but_not_its_channel(cast: Cast, client: Client) -> None:
    template = make(cast)
    form = page(client.get(url(cast, f"{template.pk}/edit/")))
    assert 'name="channel"' not in form
    client.post(url(cast, f"{template.pk}/edit/"), {**GIVEN, "channel": "slack", "body": "hello\r\nthere"})
    template.refresh_from_db()
    assert (template.channel, template.body) == ("email", "hello\nthere")
    client.post(url(cast, f"{template.pk}/edit/"), {**GIVEN, "body": "hello\r\nthere"})
    assert Event.unscoped.filter(kind="template.changed").count() == 1


def test_one_that_rules_use_is_not_deleted(cast: Cast, client: Client) -> None:
    template = make(cast)
    rule = make_rule(cast.acme, template=template)
    assert "1 rule" in page(client.get(url(cast)))
    answer = page(client.post(url(cast, f"{template.pk}/delete/"), follow=True))
    assert "used by 1 of your alert rules" in answer
    assert "Thirty" in answer
    rule.delete()
    assert "On call is deleted" in page(client.post(url(cast, f"{template.pk}/delete/"), follow=True))
    delete_template(template=template, actor=SYSTEM)
    assert Event.unscoped.filter(kind="template.deleted").count() == 1


def test_there_is_room_for_a_hundred(cast: Cast) -> None:
    AlertTemplate.unscoped.bulk_create(
        AlertTemplate(workspace=cast.acme, channel="email", name=str(number), body="x")
        for number in range(TEMPLATES_AT_MOST)
    )
    with pytest.raises(NeedsUser, match="templates_full"):
        make(cast)
    create_template(workspace=cast.other, actor=SYSTEM, **GIVEN)


def test_the_preview_shows_a_real_domain(cast: Cast, client: Client) -> None:
    watched(cast.acme, "later.example.org", days=40.5)
    watched(cast.acme, "soon.example.org", days=5.5)
    shown = page(client.get(url(cast, "add/")))
    assert "soon.example.org: the certificate expires in 5 days" in shown
    typed = {**GIVEN, "domain": "later", "trigger": "expiry"}
    answer = page(client.post(url(cast, "preview/"), typed, headers={"HX-Request": "true"}))
    assert "later.example.org expires in 40 days" in answer
    assert "by Test CA" in answer
    assert "<html" not in answer
    assert not AlertTemplate.unscoped.exists()


def test_without_any_domain_it_shows_examples(cast: Cast, client: Client) -> None:
    shown = page(client.get(url(cast, "add/")))
    assert "this workspace has no domain yet" in shown
    assert "shop.example.com:8443: the certificate expires in 12 days" in shown
    assert "htmx" in shown


def test_without_a_script_the_preview_is_the_form_with_what_was_typed(cast: Cast, client: Client) -> None:
    watched(cast.acme, "soon.example.org", days=5.5)
    template = make(cast)
    for rest in ("preview/", f"{template.pk}/preview/"):
        answer = client.post(url(cast, rest), {**GIVEN, "name": "", "body": "typed {{host}}"})
        assert answer.status_code == 200
        assert "typed {{host}}</textarea>" in page(answer)
        assert "typed soon.example.org" in page(answer)
    template.refresh_from_db()
    assert template.body == BODY


def test_the_preview_says_what_is_wrong_with_the_text(cast: Cast, client: Client) -> None:
    answer = client.post(url(cast, "preview/"), {**GIVEN, "body": "{{nope}}"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "{{nope}} is no variable" in page(answer)


@pytest.mark.parametrize("trigger", ["renewal", "renewal_failed", "problem", "site", "balance", "", "\0", "nonsense"])
def test_every_kind_of_message_has_a_preview(cast: Cast, client: Client, trigger: str) -> None:
    typed = {**GIVEN, "trigger": trigger, "domain": "x\0y", "body": "{{title}}!"}
    assert client.post(url(cast, "preview/"), typed).status_code == 200
    watched(cast.acme, "one.example.org")
    assert "With one.example.org" in page(client.post(url(cast, "preview/"), typed)).replace("<wbr>", "")


def test_the_preview_finds_no_domain_of_another_workspace(cast: Cast) -> None:
    watched(cast.other, "secret.example.org")
    assert find_domain(cast.acme, "secret.example.org") is None
    own = watched(cast.acme, "own.example.org")
    assert find_domain(cast.acme, "secret.example.org") == own
    watched(cast.acme, "own.example.org", port=8443)
    exact = find_domain(cast.acme, "own.example.org:8443")
    assert exact
    assert exact.port == 8443


def test_hostile_text_is_shown_as_text(cast: Cast, client: Client) -> None:
    watched(cast.acme, "soon.example.org")
    typed = {**GIVEN, "body": "<script>alert(1)</script> {% debug %}"}
    answer = page(client.post(url(cast, "preview/"), typed, headers={"HX-Request": "true"}))
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {% debug %}" in answer


def test_no_payload_reaches_an_engine_by_the_preview(cast: Cast) -> None:
    watched(cast.acme, "soon.example.org")
    for payload in PAYLOADS:
        shown = preview_of(
            workspace=cast.acme,
            channel="email",
            subject="",
            body=payload,
            trigger="expiry",
            wanted="",
            now=clock.now(),
        )
        if shown.message:
            assert shown.message.body == payload
        else:
            assert shown.trouble
            assert shown.trouble.code == "variable_unknown"


def test_members_do_not_see_templates(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.member)
    assert client.get(url(cast)).status_code == 403


def test_the_api_makes_changes_and_deletes(cast: Cast) -> None:
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})
    made = client.post("/api/templates", GIVEN, content_type="application/json")
    assert made.status_code == 201
    row = made.json()
    assert {name: row[name] for name in (*GIVEN, "rules")} == {**GIVEN, "rules": 0}
    one = f"/api/templates/{row['id']}"
    assert client.get(one).json() == row
    assert client.get("/api/templates").json()["items"] == [row]
    changed = client.patch(one, {"subject": "", "body": "x"}, content_type="application/json").json()
    assert (changed["name"], changed["subject"], changed["body"]) == ("On call", "", "x")
    rule = make_rule(cast.acme, template=AlertTemplate.unscoped.get())
    assert client.get(one).json()["rules"] == 1
    used = client.delete(one)
    assert (used.status_code, used.json()["code"]) == (409, "template_in_use")
    rule.delete()
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"body": "a\n {{nope}}"}, "body", "variable_unknown"),
        ({"subject": "{{ x|y }}"}, "subject", "variable_unknown"),
        ({"body": " "}, "body", "template_body_missing"),
        ({"channel": "sms_rest", "body": "x" * 460}, "body", "template_too_long"),
        ({"channel": "pigeon"}, "channel", "input_invalid"),
        ({"name": " "}, "name", "template_name_missing"),
    ],
)
def test_the_api_names_the_field_that_is_wrong(cast: Cast, wrong: dict[str, str], field: str, code: str) -> None:
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})
    answer = client.post("/api/templates", {**GIVEN, **wrong}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"], list(answer.json()["fields"])) == (422, code, [field])


def test_the_api_tells_the_position_of_an_unknown_variable(cast: Cast) -> None:
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})
    answer = client.post("/api/templates", {**GIVEN, "body": "a\n {{nope}}"}, content_type="application/json").json()
    assert "line 2, column 2" in answer["fields"]["body"]
