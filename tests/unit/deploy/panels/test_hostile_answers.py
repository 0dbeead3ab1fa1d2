"""Whatever a panel answers, it ends in a result or in an error that has words, and nothing unprintable is kept."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.lib import x509
from config.lib.errors import ExpectedError, describe
from deploy.panels.known import panels
from deploy.panels.panel import Bundle, Panel, SiteResult
from tests.servers.ca import Issued
from tests.servers.panels.wire import Answer, Request, StandIn, panel_server
from tests.unit.deploy.panels.conftest import way_to

NAMES = (
    *("status", "data", "errors", "warnings", "main_domain", "addon_domains", "sub_domains", "servername", "domains"),
    *("certificate", "certificate_text", "id", "not_after", "success", "result", "result_info", "total_pages", "name"),
    *("plan", "legacy_id", "hosts", "expires_on", "signature", "code", "message", "error_chain", "cert_id"),
)
TAGS = (
    *("packet", "system", "status", "errcode", "errtext", "webspace", "site", "get", "set", "result", "data", "name"),
    *("gen_info", "ascii-name", "htype", "guid", "webspace-guid", "hosting", "vrt_hst", "property", "value"),
    *("certificate", "get-pool", "certificates", "install", "update", "id"),
)
WORDS = st.sampled_from(
    ["ok", "1", "0", "active", "example.net", "*.example.net", "vrt_hst", "1013", "", "\ud800", "\0"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=20) | st.just(1)
OBJECTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=30,
)
# As an answer begins that is taken for a success, so that what is inside it is read.
ANSWERS = st.builds(
    lambda told, more: {"status": 1, "success": True, "data": told, "result": told, **more},
    OBJECTS,
    st.dictionaries(st.sampled_from(NAMES), OBJECTS, max_size=3),
)


def _tree(tag: str, inside: list[str] | str) -> str:
    return f"<{tag}>{inside if isinstance(inside, str) else ''.join(inside)}</{tag}>"


LEAVES = ("ok", "error", "1013", "example.net", "vrt_hst", "&#x202e;")
TREES = st.recursive(
    st.builds(
        _tree, st.sampled_from(TAGS), st.sampled_from(["ok", "error", "1013", "example.net", "vrt_hst", "&#x202e;"])
    ),
    lambda inner: st.builds(_tree, st.sampled_from(TAGS), st.lists(inner, max_size=5)),
    max_leaves=30,
)
ROWS = TREES.map(lambda tree: f"<result><status>ok</status><data>{tree}</data></result>")
PACKETS = st.builds(
    lambda one, two: f"<packet><webspace><get>{one}</get></webspace><site><get>{two}</get></site></packet>", ROWS, ROWS
) | TREES.map(lambda tree: f"<packet>{tree}</packet>")


class Anything(StandIn):
    says: Answer = Answer()

    def respond(self, request: Request) -> Answer:
        return self.says


@pytest.fixture(scope="module")
def there(own: Issued) -> Iterator[Anything]:
    with panel_server(Anything(), own) as made:
        yield made


def _texts(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        yield from (text for one in told.values() for text in _texts(one))
    elif isinstance(told, (list, tuple)):
        yield from (text for one in told for text in _texts(one))
    elif dataclasses.is_dataclass(told) and not isinstance(told, type):
        yield from (text for one in dataclasses.fields(told) for text in _texts(getattr(told, one.name)))


def _tried(panel: Panel, there: Anything, bundle: Bundle) -> Iterator[Any]:
    access = way_to(there, panel.label, user="acme", secret="s3cret-of-the-panel", web_port=1)
    for verb in (panel.test, panel.read_back, panel.install):
        try:
            yield verb(access, bundle if verb is panel.install else bundle.names)  # type: ignore[arg-type]
        except ExpectedError as error:
            yield error


def _judge(found: Any) -> None:
    errors = [found] if isinstance(found, ExpectedError) else []
    errors += (
        [one.error for one in found if isinstance(one, SiteResult) and one.error] if isinstance(found, list) else []
    )
    for error in errors:
        assert "Something went wrong" not in describe(error.code, error.params).title
        json.dumps({name: value for name, value in error.params.items() if name != "retry_at"})
    kept = [found, *(error.params for error in errors)]
    assert [text for text in _texts(kept) if x509.clean(text, 10_000) != text] == []


@pytest.mark.parametrize("name", ["cpanel", "cloudflare"])
@given(answer=ANSWERS | OBJECTS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json(name: str, answer: Any, there: Anything, bundle: Bundle) -> None:
    there.says = Answer(200, answer)
    for found in _tried(panels.get(name), there, bundle):
        _judge(found)


@given(answer=PACKETS)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_xml(answer: str, there: Anything, bundle: Bundle) -> None:
    there.says = Answer(200, answer, {"Content-Type": "text/xml"})
    for found in _tried(panels.get("plesk"), there, bundle):
        _judge(found)


@given(answer=st.binary(max_size=200), status=st.integers(200, 599))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(answer: bytes, status: int, there: Anything, bundle: Bundle) -> None:
    there.says = Answer(status, answer, {"Retry-After": answer.hex()[:20]})
    for panel in panels:
        for found in _tried(panel, there, bundle):
            _judge(found)
