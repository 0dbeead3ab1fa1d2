"""The API's OpenAPI document, asked with full N: every boundary value, hundreds of examples, long sequences."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_socket import socket_allow_hosts
from schemathesis import Case

from tests.fuzz.aim import best_case
from tests.fuzz.bodies import bodies, content_types
from tests.fuzz.promise import ask, ask_with_body, one_test_each, promises, settled, taking_bodies, tally
from tests.fuzz.scene import Scene, make_scene, one_connection
from tests.fuzz.sequences import machine
from tests.proof.scorecard import score

pytestmark = [pytest.mark.django_db, pytest.mark.proof, pytest.mark.timeout(1800)]

EXAMPLES = 120
METHODS = ("get", "post", "put", "patch", "delete", "options", "trace")
schema = promises(examples=EXAMPLES, unexpected_methods=METHODS)
TAKING_BODIES = taking_bodies(schema)


@pytest.fixture(scope="module", autouse=True)
def _scored() -> Iterator[None]:
    yield
    score(
        "api-promises",
        name="Generated requests answered as the OpenAPI document says: no 5xx, nothing undocumented",
        value=f"{tally.kept} of {tally.asked}",
        target="all",
        passed=0 < tally.kept == tally.asked,
        how="make proof; tests/proof/test_api_promises.py (schemathesis)",
    )


@pytest.fixture
def scene(settings: Any) -> Iterator[Scene]:
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    settings.ANSWER_WITHIN_SECONDS = 0
    made = make_scene()
    with one_connection():
        yield made


def _ask(case: Case, scene: Scene) -> None:
    ask(case, scene)


globals().update(one_test_each(schema, EXAMPLES, _ask))


@settled(2000)
@given(data=st.data())
def test_no_body_breaks_an_operation(data: st.DataObject, scene: Scene) -> None:
    case = best_case(data.draw(st.sampled_from(TAKING_BODIES)), scene)
    caller = data.draw(st.sampled_from(scene.callers[4:6]))
    ask_with_body(case, caller, data.draw(bodies()), data.draw(content_types()))


def test_what_one_operation_answers_the_next_one_takes(scene: Scene) -> None:
    machine(promises(examples=100), scene).run(settings=settled(100, stateful_step_count=12))
