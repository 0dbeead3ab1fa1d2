"""What we send, against the descriptions that vendors publish of their own interfaces."""

import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import jsonschema_rs
import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from deploy.panels import cloudflare
from notifications.gateways import jira, opsgenie, telegram
from tests.servers.ca import TestCa
from tests.servers.panels.cloudflare import CREATE, EDIT, TOKEN, Cloudflare
from tests.servers.panels.wire import Request, panel_server
from tests.servers.places import TOOLS
from tests.servers.vendors import Jira, Opsgenie, vendor
from tests.unit.deploy.panels.conftest import as_bundle, way_to
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


# Cloudflare's description is four times as large as everything here; its own client is generated from it.
SDK = DESCRIBED / "cloudflare"
CERTIFICATES = "/zones/{zone_id}/custom_certificates"
# Where a request's parameters are described, and the source that has its path.
CALLS = {
    ("GET", "/user/tokens/verify"): (None, "user/tokens/tokens"),
    ("GET", "/zones"): ("zones.zone_list_params", "zones/zones"),
    ("GET", CERTIFICATES): (
        "custom_certificates.custom_certificate_list_params",
        "custom_certificates/custom_certificates",
    ),
    ("POST", CERTIFICATES): (
        "custom_certificates.custom_certificate_create_params",
        "custom_certificates/custom_certificates",
    ),
    ("PATCH", f"{CERTIFICATES}/{{custom_certificate_id}}"): (
        "custom_certificates.custom_certificate_edit_params",
        "custom_certificates/custom_certificates",
    ),
}


@pytest.fixture
def described() -> Iterator[None]:
    """The parameters' modules alone: packages that run nothing, for the client itself needs a world of its own."""
    places = ["cloudflare", "types", "types.zones", "types.custom_certificates", "types.custom_hostnames"]
    for place in places:
        name = place if place == "cloudflare" else f"cloudflare.{place}"
        module = ModuleType(name)
        module.__path__ = [str(SDK / place.removeprefix("cloudflare").replace(".", "/"))]
        sys.modules[name] = module
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "cloudflare"]:
        del sys.modules[name]


def parameters(name: str) -> Any:
    """The typed dictionary that a module of theirs is named after."""
    module = importlib.import_module(f"cloudflare.types.{name}")
    return getattr(module, "".join(part.capitalize() for part in name.rpartition(".")[2].split("_")))


def strict(described: Any) -> TypeAdapter[Any]:
    described.__pydantic_config__ = ConfigDict(extra="forbid")
    return TypeAdapter(described)


def call_of(request: Request) -> tuple[str, str]:
    path = request.path.removeprefix("/client/v4")
    path = re.sub(r"^/zones/[^/]+", "/zones/{zone_id}", path)
    return request.method, re.sub(r"custom_certificates/.+", "custom_certificates/{custom_certificate_id}", path)


def test_cloudflare_s_own_description_takes_our_requests(inside: None, described: None) -> None:
    ca = TestCa()
    with panel_server(Cloudflare(), TestCa("Panel").issue(["panel.example.net"])) as server:
        first, second = (as_bundle(ca.issue(["example.net"], days=days)) for days in (60, 90))
        access = way_to(server, "Cloudflare", user="", secret=TOKEN)
        cloudflare.test(access, first.names)
        (put,) = cloudflare.install(access, first)
        renewing = way_to(server, "Cloudflare", user="", secret=TOKEN, refs={put.site: put.ref})
        cloudflare.install(renewing, second)
        cloudflare.read_back(access, second.names)
    assert {call_of(one) for one in server.requests} == set(CALLS)
    for request in server.requests:
        module, source = CALLS[call_of(request)]
        assert f'"{call_of(request)[1]}"' in (SDK / "resources" / f"{source}.py").read_text()
        body = json.loads(request.body) if request.body else {}
        given = {**request.query, **body}
        if module is None:
            assert given == {}
            continue
        known = parameters(module)
        zone = {"zone_id": "a" * 32} if "zone_id" in get_type_hints(known) else {}
        strict(known).validate_python({**zone, **given})
        with pytest.raises(ValidationError):
            strict(known).validate_python({**zone, **given, "made_up": "x"})


def test_cloudflare_s_own_description_says_what_its_stand_in_does(described: None) -> None:
    for module, ours in (("create", CREATE), ("edit", EDIT)):
        theirs = get_type_hints(parameters(f"custom_certificates.custom_certificate_{module}_params"))
        assert set(ours) == set(theirs) - {"zone_id"}
        for name, values in ours.items():
            assert values in ((), get_args(theirs[name])), name
    listed = get_type_hints(parameters("custom_certificates.custom_certificate_list_params"))
    assert set(Cloudflare().states) <= set(get_args(listed["status"]))
