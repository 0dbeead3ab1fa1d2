"""Nobody's certificate breaks a visit: a few hundred mutants here, ten thousand in `make proof`."""

import pytest

from config.lib import x509
from tests.cast import make_cast
from tests.fuzz.certificates import mutants, seeds, taken_apart
from tests.fuzz.storing import failures

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

COUNT = 100


def test_taking_apart_and_putting_together_changes_nothing() -> None:
    for der in seeds():
        (tree,) = taken_apart(der)
        assert bytes(tree) == der


def test_mutants_are_of_all_kinds_and_reach_deep() -> None:
    found = [x509.certificate_facts.__wrapped__(der) for der in mutants(5, 400)]
    unreadable = [set(one.unreadable) for one in found]
    assert 100 < sum("certificate" in each for each in unreadable) < 350
    assert len(set().union(*unreadable)) >= 6, "single fields are hit as well"


def test_mutated_certificates_are_judged_stored_and_shown() -> None:
    assert failures(make_cast().acme, seed=1, count=COUNT) == []
