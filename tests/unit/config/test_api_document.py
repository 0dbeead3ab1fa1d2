"""The OpenAPI document itself: complete, unambiguous, and in agreement with the policy."""

import re
import typing
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from django.http import HttpResponse, JsonResponse
from pydantic import BaseModel

from accounts.policy import POLICY, is_allowed
from config.api import api, plain_name
from config.api_reference import example_body
from config.lib.errors import catalogue
from tests.witness import broken_promises

DOCUMENT = api.document
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
NAMES = [name for name, _ in OPERATIONS]
each_operation = pytest.mark.parametrize("operation", [found for _, found in OPERATIONS], ids=NAMES)


def body_of(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return dict(content.get("application/json", {}).get("schema", {}))


def codes_of(operation: dict[str, Any]) -> Iterator[str]:
    for answer in operation["responses"].values():
        yield from answer.get("x-codes", ())


def models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model that an answer is made of, the ones within it too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_of(field.annotation)
    for part in typing.get_args(annotation):
        yield from models_of(part)


def test_it_is_a_valid_openapi_document() -> None:
    schemathesis.openapi.from_dict(deepcopy(DOCUMENT)).validate()


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


@each_operation
def test_an_operation_says_in_words_what_it_does(operation: dict[str, Any]) -> None:
    """A summary that was made from the function's name says nothing."""
    assert operation["summary"] != operation["operationId"].replace("_", " ").title()
    assert operation["summary"][0].isupper()
    assert not operation["summary"].endswith(".")


@each_operation
def test_an_operation_says_who_may_call_it(operation: dict[str, Any]) -> None:
    needs = operation["x-needs"]
    assert needs["action"] in POLICY
    assert is_allowed(needs["role"], needs["action"])
    assert is_allowed("member", needs["action"]) is (needs["role"] == "member")
    assert operation["security"][0] == {"ApiToken": [needs["scope"]]}
    assert f"scope {needs['scope']}" in operation["description"]


@each_operation
def test_an_operation_says_how_it_may_end(operation: dict[str, Any]) -> None:
    assert {"401", "403", "404", "422", "429"} <= set(operation["responses"])
    assert ("413" in operation["responses"]) is bool(body_of(operation))
    assert [code for code in codes_of(operation) if code not in catalogue] == []


def test_refusals_that_ask_to_wait_say_how_long() -> None:
    responses = DOCUMENT["components"]["responses"]
    assert responses["TooManyRequests"]["headers"]["Retry-After"]["required"]
    assert responses["NotSignedIn"]["headers"]["WWW-Authenticate"]["required"]
    for _, operation in OPERATIONS:
        assert "Retry-After" in operation["responses"].get("503", {"headers": ["Retry-After"]})["headers"]


@each_operation
def test_an_example_body_fits_its_schema(operation: dict[str, Any]) -> None:
    schema = body_of(operation)
    example = example_body(schema)
    assert set(schema.get("required", ())) <= set(example)
    assert list(jsonschema_rs.Draft202012Validator(schema).iter_errors(example)) == []


def test_every_room_is_described() -> None:
    used = {tag for _, operation in OPERATIONS for tag in operation["tags"]}
    assert used <= {tag["name"] for tag in DOCUMENT["tags"]}


def test_two_shapes_never_share_a_name() -> None:
    """ninja would let the second one overwrite the first."""
    shapes: dict[str, set[type]] = {}
    for router in api._get_bound_routers():
        for view in router.path_operations.values():
            for operation in view.operations:
                for answer in operation.response_models.values():
                    for model in models_of(answer):
                        shapes.setdefault(plain_name(re.sub(r"[\[\]]", "_", model.__name__)), set()).add(model)
    del shapes["NinjaResponseSchema"]
    assert {name: found for name, found in shapes.items() if len(found) > 1} == {}
    assert set(shapes) - set(DOCUMENT["components"]["schemas"]) == set()


def test_the_witness_of_the_test_run_notices() -> None:
    """Every answer of the API in any test is compared with the document; these must not pass."""
    operation = DOCUMENT["paths"]["/api/workspace"]["get"]
    problem = "application/problem+json"
    assert broken_promises(operation, HttpResponse(status=418)) != []
    assert broken_promises(operation, JsonResponse({"name": "x"})) != []
    assert broken_promises(operation, HttpResponse("{}", content_type="text/html")) != []
    assert broken_promises(operation, JsonResponse({}, status=403)) != []
    assert "Retry-After is missing" in broken_promises(operation, HttpResponse("{}", status=429, content_type=problem))
