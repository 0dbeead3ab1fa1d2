"""Sequences of requests, each made from what the ones before it answered."""

from typing import Any

from schemathesis.generation.case import Case
from schemathesis.generation.stateful.state_machine import APIStateMachine, StepInput, StepOutput
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks

from tests.fuzz.aim import aim, make_plausible
from tests.fuzz.promise import CHECKS, counted
from tests.fuzz.scene import Scene, undone

STATEFUL_CHECKS = [*CHECKS, checks.use_after_free, checks.ensure_resource_availability]


def machine(schema: BaseSchema, scene: Scene) -> type[APIStateMachine]:
    """Links are inferred from the document: what made a thing leads to what takes its id."""
    base: Any = schema.as_state_machine()
    caller = scene.callers[0]

    class Sequence(base):
        def setup(self) -> None:
            self.past = undone()
            self.past.__enter__()

        def teardown(self) -> None:
            self.past.__exit__(None, None, None)

        def step(self, input: StepInput) -> StepOutput:  # noqa: A002  (the name that is called with)
            (make_plausible if input.is_applied else aim)(input.case, scene)
            output: StepOutput = super().step(input)
            return output

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {"headers": caller.headers}

        def validate_response(self, response: Any, case: Case, *_: Any, **transport: Any) -> None:
            with counted():
                case.validate_response(response, STATEFUL_CHECKS, transport_kwargs=transport, recorder=self.recorder)

    return Sequence
