"""The one word for a domain."""

from datetime import timedelta

import pytest

from domains.models import State
from domains.state import Known, domain_state, reported_state, urgency
from tests.unit.domains.forge import NOW

END = NOW + timedelta(days=40)


def known(**changed: object) -> Known:
    return Known(**{"is_verified": True, "has_certificate": True, "not_after": END, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (known(), "ok"),
        (known(is_verified=False, failures=5), "unverified"),
        (known(has_certificate=False, not_after=None, failures=9), "no_certificate"),
        (known(failures=1), "ok"),
        (known(failures=2), "unreachable"),
        (known(not_after=NOW - timedelta(seconds=1)), "expired"),
        (known(problems=(("expired", "critical"),)), "expired"),
        (known(problems=(("expired", "critical"),), failures=2), "expired"),
        (known(problems=(("expiring", "warning"),)), "expiring"),
        (known(problems=(("expiring", "critical"),)), "expiring"),
        (known(problems=(("expiring", "warning"),), renew_at=NOW + timedelta(days=1)), "ok"),
        (known(problems=(("expiring", "warning"),), renew_at=NOW - timedelta(days=1)), "renewal_due"),
        (known(renew_at=NOW), "renewal_due"),
        (known(problems=(("name_mismatch", "critical"),)), "problem"),
        (known(problems=(("chain_order", "warning"),)), "ok"),
        (known(problems=(("chain_superfluous", "info"),)), "ok"),
        (known(reported_state="renewal_failed"), "renewal_failed"),
        (known(reported_state="partial_deploy", renew_at=NOW), "partial_deploy"),
        (known(reported_state="partial_deploy", failures=2), "unreachable"),
        (known(has_certificate=False, not_after=None, reported_state="partial_deploy"), "partial_deploy"),
    ],
)
def test_the_most_urgent_state_that_applies_wins(facts: Known, state: str) -> None:
    assert domain_state(facts, NOW) == state


def test_findings_of_other_rooms_ask_for_states_by_their_code() -> None:
    assert reported_state(["weak_key"]) == ""
    assert reported_state(["partial_deploy", "renewal_failed"]) == "renewal_failed"


def test_the_order_of_urgency_puts_what_hurts_first_and_ok_last() -> None:
    assert urgency("expired") < urgency("renewal_failed") < urgency("expiring") < urgency("ok")
    assert urgency("ok") == len(State.values) - 1
