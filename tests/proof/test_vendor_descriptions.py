"""What we send, against the descriptions that vendors publish of their own interfaces."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from notifications.gateways import jira, telegram
from tests.servers.places import TOOLS
from tests.servers.vendors import Jira, vendor
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
