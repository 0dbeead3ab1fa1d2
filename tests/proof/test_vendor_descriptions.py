"""What we send, against the descriptions that vendors publish of their own interfaces."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from notifications.gateways import jira, opsgenie, telegram
from tests.servers.places import TOOLS
from tests.servers.vendors import Jira, Opsgenie, vendor
from tests.unit.notifications.gateways.conftest import MESSAGE, Trial, inside, trial

__all__ = ["inside", "trial"]
pytestmark = pytest.mark.proof
DESCRIBED = TOOLS / "api-descriptions"


def schema_of(name: str, path: str) -> Any:
    """That of a POST's JSON body, with what it refers to."""
    described = json.loads(Path(DESCRIBED / name).read_text())
    body = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return {**body, "components": described["components"]}


def faults(schema: Any, body: Any) -> list[str]:
    return [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(body)]


def test_jira_s_own_description_takes_our_issues(inside: None) -> None:
    with vendor(Jira()) as server:
        values = {"url": server.url, "email": "ops@acme.net", "project": "OPS", "issue_type": "Task", "token": "t0k3n"}
        sending = Trial("jira", values, lambda _request: []).sending(MESSAGE)
        jira.find_issue(sending)
        opened = jira.open_issue(sending)
        jira.add_comment(sending, opened.ref)
        jira.close_issue(sending, opened.ref)
        posted = [(path, body) for method, path, body in server.bodies if method == "POST"]
    named = {path.replace(opened.ref, "{issueIdOrKey}"): body for path, body in posted}
    # The search by JQL is newer than the description.
    searched = named.pop("/rest/api/3/search/jql")
    assert searched["maxResults"] == 1
    assert len(named) == 3
    for path, body in named.items():
        assert faults(schema_of("jira.json", path), body) == []


@pytest.mark.parametrize("trial", ["telegram"], indirect=True)
def test_telegram_s_own_description_takes_our_messages(trial: Trial) -> None:
    trial.values["topic"] = "7"
    telegram.KIND.check(trial.values)
    trial.send()
    body = json.loads(trial.provider.requests[0].body)
    assert faults(schema_of("telegram.org.json", "/sendMessage"), body) == []
    assert faults(schema_of("telegram.org.json", "/sendMessage"), {**body, "disable_web_page_preview": "true"})


def opsgenie_model(name: str) -> Any:
    """One of the vendor's own client: generated from its description, with its choices in the setters."""
    file = DESCRIBED / "opsgenie_sdk/api/alert" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, "".join(part.capitalize() for part in name.split("_")))


def test_opsgenie_s_own_description_takes_our_alerts(inside: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with vendor(Opsgenie()) as server:
        monkeypatch.setattr(opsgenie, "BASES", {"eu": server.url})
        sending = Trial("opsgenie", {"region": "eu", "key": "k3y"}, lambda _request: []).sending(MESSAGE)
        opened = opsgenie.open_alert(sending)
        opsgenie.add_note(sending, opened.ref)
        opsgenie.close_alert(sending, opened.ref)
        posted = {path.rpartition("/")[2]: body for method, path, body in server.bodies if method == "POST"}
    models = {"": "create_alert_payload", "notes": "add_note_to_alert_payload", "close": "close_alert_payload"}
    assert set(posted) == set(models)
    for verb, name in models.items():
        model = opsgenie_model(name)
        ours = {
            attribute: posted[verb].pop(key) for attribute, key in model.attribute_map.items() if key in posted[verb]
        }
        assert posted[verb] == {}, "fields that Opsgenie does not know"
        assert model(**ours).to_dict()
        for attribute, value in ours.items():
            kind = {"str": str, "list[str]": list, "dict(str, str)": dict}[model.openapi_types[attribute]]
            assert isinstance(value, kind), attribute
    with pytest.raises(ValueError, match="priority"):
        opsgenie_model("create_alert_payload")(message="x", priority="P9")
    told = set(opsgenie_model("alert_request_status").attribute_map.values())
    assert {"isSuccess", "status", "alertId"} <= told
