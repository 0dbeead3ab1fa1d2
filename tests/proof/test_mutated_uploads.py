"""Fifty thousand damaged PEM texts and PKCS#12 files: each is read within its limits, and none is taken wrongly."""

import pytest

from tests.proof.scorecard import score
from tests.unit.certificates.test_mutated_uploads import outcomes

pytestmark = [pytest.mark.proof, pytest.mark.timeout(3600)]

COUNT = 50_000


def test_no_mutated_upload_breaks_the_reader() -> None:
    told = outcomes(20261126, COUNT, seconds=3500)
    score(
        "mutated-uploads",
        name="Mutated uploads that crashed the reader, outran its limits or were taken wrongly",
        value=len(told["wrong"]),
        target="0",
        passed=not told["wrong"] and told["slowest"] <= 11,
        how=f"{COUNT} PEM texts and PKCS#12 files, byte by byte and by structure, each in a process with the real "
        f"limits; slowest {told['slowest']} s; {told['outcomes']}",
    )
    assert told["wrong"] == []
    assert told["slowest"] <= 11
