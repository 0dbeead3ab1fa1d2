"""What is asked of every answer, and the schemas that ask it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck
from schemathesis import APIOperation, Case
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation.meta import TestPhase
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks

from config.api import api
from config.wsgi import application
from tests.fuzz.aim import aim
from tests.fuzz.scene import Caller, Scene, picked, undone

# Not asked: positive_data_acceptance, since host names, keys and directories have grammars that no JSON schema
# says; ignored_auth, which the access test asks of every operation.
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
]


# What may be said to bad input; 413, since a wrong body may be too large before it is anything else.
REFUSALS = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429"]


def promises(*, examples: int, unexpected_methods: tuple[str, ...] = ()) -> BaseSchema:
    """The document as a source of requests, the same ones in every run; they go to the WSGI application at once."""
    config = schemathesis.Config.from_dict(
        {
            "seed": 1,
            "generation": {"with-security-parameters": False, "deterministic": True, "max-examples": examples},
            "phases": {"coverage": {"unexpected-methods": list(unexpected_methods)}},
            "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}},
            # It reads every module of the application again for each operation, in each process that collects.
            "analysis": {"constants": {"enabled": False}},
        }
    )
    schema = schemathesis.openapi.from_dict(deepcopy(api.document), config=config)  # it writes links into it
    schema.app = application
    return schema


def settled(examples: int, **more: Any) -> hypothesis.settings:
    """Reproducible, and patient with a busy machine."""
    return hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def operations(schema: BaseSchema) -> list[APIOperation]:
    found = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        found.append(result.ok())
    return found


def taking_bodies(schema: BaseSchema) -> list[APIOperation]:
    return [operation for operation in operations(schema) if operation.body]


def one_test_each(schema: BaseSchema, examples: int, test: Callable[..., None]) -> dict[str, Any]:
    """`test(case, …)` for each operation under a name of its own; give it to a module's globals().

    `schema.parametrize()` gives all of them the same id, of which pytest-xdist runs only one.
    """
    tests = {}
    for operation in operations(schema):
        key = operation.definition.raw["operationId"]
        own = FunctionType(test.__code__, test.__globals__, f"test_{key}_answers_as_documented")
        own.__annotations__ = test.__annotations__
        tests[own.__name__] = schema.include(operation_id=key).parametrize()(settled(examples)(own))
    return tests


@dataclass
class Tally:
    """How many requests were sent, and how many were answered as promised."""

    asked: int = 0
    kept: int = 0


tally = Tally()


@contextmanager
def counted() -> Iterator[None]:
    tally.asked += 1
    yield
    tally.kept += 1


def ask(case: Case, scene: Scene, *, one_of: int = 1) -> None:
    """Sends the request as one of the callers, judges the answer, and leaves no trace.

    `one_of` takes so many boundary values less: there are dozens for each field.
    """
    by = (case.path_parameters, case.query, case.body)
    if case.meta and case.meta.phase.name is TestPhase.COVERAGE and picked(list(range(one_of)), by):
        return
    aim(case, scene)
    caller = picked(scene.callers, by)
    with undone(), counted():
        case.call_and_validate(headers=caller.headers, cookies=caller.cookies, checks=CHECKS)


def ask_with_body(case: Case, caller: Caller, raw: bytes, content_type: str) -> None:
    """The body as it stands, whatever its content type says it is."""
    with undone(), counted():
        case.call_and_validate(
            headers={**caller.headers, "Content-Type": content_type}, cookies=caller.cookies, data=raw, checks=CHECKS
        )
