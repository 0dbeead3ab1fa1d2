"""Ten thousand certificates as nobody should write them: each gets a verdict that is stored and shown."""

import pytest

from tests.cast import make_cast
from tests.fuzz.storing import failures
from tests.proof.scorecard import score

pytestmark = [pytest.mark.proof, pytest.mark.django_db, pytest.mark.timeout(1800)]

COUNT = 10_000


def test_no_mutated_certificate_raises() -> None:
    found = failures(make_cast().acme, seed=20261126, count=COUNT)
    score(
        "mutated-certificates",
        name="Mutated certificates that were not judged, stored and shown",
        value=len(found),
        target="0",
        passed=not found,
        how=f"{COUNT} mutants, byte by byte and by structure, through the visit's writer and the Overview",
    )
    assert found == []
