"""Alert rules by the API."""

from typing import Any

import pytest
from django.test import Client

from config.lib.errors import NeedsUser
from notifications.models import AlertTemplate, Channel, Gateway, Rule
from notifications.rules import api
from tests.cast import Cast, make_cast
from tests.unit.notifications.watched import only, watched

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

GIVEN = {"name": "On call", "channel": "email", "days_before_expiry": 14}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    return Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})


def post(client: Client, **changes: Any) -> Any:
    return client.post("/api/alert-rules", {**GIVEN, **changes}, content_type="application/json")


def patch(client: Client, rule: str, **changes: Any) -> Any:
    return client.patch(f"/api/alert-rules/{rule}", changes, content_type="application/json")


def test_a_rule_is_made_read_changed_and_deleted(cast: Cast, client: Client) -> None:
    domain = watched(cast.acme, "www.example.org")
    Rule.objects.for_workspace(cast.acme).delete()
    made = post(client, domain=str(domain.pk), recipients=[" ann@example.net"])
    assert made.status_code == 201
    row = made.json()
    assert {name: row[name] for name in ("trigger", "domain", "tag", "recipients", "default", "paused")} == {
        "trigger": "expiry",
        "domain": str(domain.pk),
        "tag": None,
        "recipients": ["ann@example.net"],
        "default": False,
        "paused": False,
    }
    assert client.get(f"/api/alert-rules/{row['id']}").json() == row
    assert client.get("/api/alert-rules").json() == {"items": [row], "next": None}
    changed = patch(client, row["id"], domain=None, tag="shop", days_before_expiry=3).json()
    assert (changed["domain"], changed["tag"], changed["days_before_expiry"]) == (None, "shop", 3)
    assert patch(client, row["id"], tag=None).json()["tag"] is None
    assert client.delete(f"/api/alert-rules/{row['id']}").status_code == 204
    assert client.get(f"/api/alert-rules/{row['id']}").status_code == 404


def test_it_is_paused_and_resumed(cast: Cast, client: Client) -> None:
    rule = only(cast.acme)
    assert patch(client, str(rule.pk), paused=True).json()["paused"] is True
    assert patch(client, str(rule.pk), paused=True, name="Other").json()["name"] == "Other"
    assert patch(client, str(rule.pk), paused=False).json()["paused"] is False
    assert patch(client, str(rule.pk)).json()["paused"] is False


def test_it_is_changed_and_paused_in_one_or_not_at_all(
    cast: Cast, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = only(cast.acme)

    def fail(**given: Any) -> None:
        raise NeedsUser("rules_full", most=1)

    monkeypatch.setattr(api, "pause_rule", fail)
    assert patch(client, str(rule.pk), days_before_expiry=3, paused=True).status_code >= 400
    rule.refresh_from_db()
    assert rule.days_before_expiry == 30
    monkeypatch.undo()
    row = patch(client, str(rule.pk), days_before_expiry=3, paused=True).json()
    assert (row["days_before_expiry"], row["paused"]) == (3, True)


def test_a_change_keeps_what_it_does_not_name(cast: Cast, client: Client) -> None:
    gateway = Gateway.objects.create(workspace=cast.acme, channel="slack", name="ops")
    template = AlertTemplate.objects.create(workspace=cast.acme, channel="slack", name="Ours", body="x")
    rule = only(cast.acme, channel="slack", gateway=gateway, template=template, tag="shop")
    row = patch(client, str(rule.pk), name="Other").json()
    assert (row["gateway"], row["template"], row["tag"]) == (str(gateway.pk), str(template.pk), "shop")
    row = patch(client, str(rule.pk), gateway=None, template=None, channel="email").json()
    assert (row["channel"], row["gateway"], row["template"]) == ("email", None, None)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": " "}, "rule_name_missing", "name"),
        ({"days_before_expiry": None}, "rule_days_missing", "days_before_expiry"),
        ({"channel": "slack"}, "rule_without_gateway", "channel"),
        ({"channel": "pigeon"}, "input_invalid", "channel"),
        ({"trigger": "weather"}, "input_invalid", "trigger"),
        ({"recipients": ["nonsense"]}, "rule_address_malformed", "recipients"),
        ({"recipients": [f"a{n}@example.net" for n in range(21)]}, "input_invalid", "recipients"),
        ({"digest": "daily", "trigger": "changed"}, "rule_digest_of_events", "digest"),
    ],
)
def test_a_mistake_names_its_field(cast: Cast, client: Client, changes: dict[str, Any], code: str, field: str) -> None:
    answer = post(client, **changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert field in str(answer.json()["fields"])


@pytest.mark.parametrize("column", ["channel", "trigger", "digest"])
def test_the_api_takes_every_name_that_a_rule_may_have(column: str) -> None:
    told = api.NewRule.model_json_schema()
    given = told["properties"][column]
    names = told["$defs"][given["$ref"].rpartition("/")[2]] if "$ref" in given else given
    field: Any = Rule._meta.get_field(column)
    assert names["enum"] == [name for name, _ in field.choices or Channel.choices]


def test_what_belongs_to_others_cannot_be_named(cast: Cast, client: Client) -> None:
    theirs = {
        "domain": watched(cast.other, "www.example.net"),
        "gateway": Gateway.objects.create(workspace=cast.other, channel="email", name="mail"),
        "template": AlertTemplate.objects.create(workspace=cast.other, channel="email", name="Ours", body="x"),
    }
    for name, row in theirs.items():
        answer = post(client, **{name: str(row.pk)})
        assert answer.status_code == 404
    theirs_rule = Rule.objects.for_workspace(cast.other).first()
    assert theirs_rule is not None
    assert patch(client, str(theirs_rule.pk), name="Mine").status_code == 404


def test_members_see_rules_but_not_to_whom_they_go(cast: Cast) -> None:
    rule = only(cast.acme, recipients=["secret@example.net"])
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.member)}"})
    row = client.get(f"/api/alert-rules/{rule.pk}").json()
    assert (row["name"], row["recipients"]) == ("Thirty", None)
    assert patch(client, str(rule.pk), name="Mine").status_code == 403
