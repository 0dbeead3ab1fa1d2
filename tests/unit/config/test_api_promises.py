"""The API keeps what its OpenAPI document promises: no 5xx, no undocumented answer, nothing malformed is taken.

`make proof` asks the same with many more examples.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case

from tests.fuzz.aim import best_case
from tests.fuzz.bodies import bodies, content_types
from tests.fuzz.promise import CHECKS, ask, ask_with_body, one_test_each, operations, promises, settled, taking_bodies
from tests.fuzz.scene import Scene, make_scene, one_connection, undone
from tests.fuzz.sequences import machine

# What PostgreSQL refuses (a zero byte, a number too large, a text too long) SQLite takes.
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.once]

EXAMPLES = 5
schema = promises(examples=EXAMPLES)
TAKING_BODIES = taking_bodies(schema)
# With the scene's rows these cannot succeed, and say why.
REFUSED = {
    "DELETE /api/servers/{id}": "server_in_use",
    "DELETE /api/members/{member_id}": "last_admin",
    "POST /api/certificate-authorities/{id}/new-key": "ca_account_closed",
    "POST /api/domains/{id}/certificates": "upload_key_missing",
    # No zone is set, and the zone of the example is reserved.
    "POST /api/domains/{id}/delegations": "dns_zone_missing",
    "POST /api/dns-providers": "host_reserved",
    "POST /api/deployments/{id}/undo": "undo_nothing_kept",
    "POST /api/targets/{id}/fix-redirect": "redirect_needs_webroot",
    "POST /api/targets/{id}/fix-redirect/undo": "redirect_nothing_kept",
}


@pytest.fixture
def scene(settings: Any) -> Iterator[Scene]:
    settings.ANSWER_WITHIN_SECONDS = 0
    made = make_scene()
    with one_connection():
        yield made


def _ask(case: Case, scene: Scene) -> None:
    ask(case, scene, one_of=5)


globals().update(one_test_each(schema, EXAMPLES, _ask))


def test_plausible_requests_succeed(scene: Scene) -> None:
    """Or the examples above would prove little."""
    refused = {}
    for operation in operations(schema):
        case = best_case(operation, scene)
        with undone():
            answer = case.call_and_validate(headers=scene.callers[0].headers, checks=CHECKS)
        if answer.status_code >= 400:
            refused[case.operation.label] = answer.json()["code"]
    assert refused == REFUSED


@settled(80)
@given(data=st.data())
def test_no_body_breaks_an_operation(data: st.DataObject, scene: Scene) -> None:
    case = best_case(data.draw(st.sampled_from(TAKING_BODIES)), scene)
    caller = data.draw(st.sampled_from(scene.callers[4:6]))
    ask_with_body(case, caller, data.draw(bodies()), data.draw(content_types()))


def test_what_one_operation_answers_the_next_one_takes(scene: Scene) -> None:
    machine(promises(examples=8), scene).run(settings=settled(8, stateful_step_count=8))
