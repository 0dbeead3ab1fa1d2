"""Without a ledger every run is free, and an operator who expects money is told."""

import uuid
from dataclasses import dataclass, field

from pytest_django import Settings

import billing
from billing.checks import nothing_is_charged


@dataclass
class AnyRun:
    pk: uuid.UUID = field(default_factory=uuid.uuid4)
    workspace_id: uuid.UUID = field(default_factory=uuid.uuid4)


def test_a_run_is_free_and_asking_twice_changes_nothing() -> None:
    run = AnyRun()
    assert billing.gate(run) == billing.gate(run) == billing.Gate("free")
    assert billing.gate(run).is_open


def test_only_a_refusal_closes_the_gate() -> None:
    assert billing.Gate("held", cents=300).is_open
    assert not billing.Gate("refused", missing_cents=120).is_open


def test_a_stripe_key_that_charges_nothing_is_reported(settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""
    assert nothing_is_charged() == []
    settings.STRIPE_SECRET_KEY = "sk_test"
    assert [message.id for message in nothing_is_charged()] == ["billing.W001"]
