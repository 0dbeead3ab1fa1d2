"""`among` finds what `in` finds, with one parameter."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from auditlog.events import SYSTEM
from auditlog.models import PendingReaction
from domains.add import add_domain
from domains.models import Domain, DomainTag
from tests.cast import Cast, make_cast

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def add(cast: Cast, host: str) -> Domain:
    return add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host)


def test_keys_find_their_rows_and_unknown_ones_nothing(cast: Cast) -> None:
    one, two, _ = (add(cast, f"{name}.org") for name in "abc")
    keys = [one.pk, two.pk, uuid.uuid4()]
    assert set(Domain.unscoped.filter(pk__among=keys)) == {one, two}
    assert set(Domain.unscoped.filter(pk__among=iter(keys))) == {one, two}
    assert not Domain.unscoped.filter(pk__among=[]).exists()


def test_keys_that_lead_elsewhere_are_compared_too(cast: Cast) -> None:
    one = add(cast, "a.org")
    assert list(Domain.unscoped.filter(workspace__among=[cast.acme.pk])) == [one]
    assert not Domain.unscoped.filter(workspace__among=[cast.other.pk]).exists()
    assert PendingReaction.objects.filter(pk__among=[uuid.uuid4()]).count() == 0


def test_texts_are_found_whatever_they_hold(cast: Cast) -> None:
    tags = ["plain", 'a "b", {c}', "back\\slash", "ünï"]
    one = add(cast, "a.org")
    for name in tags:
        DomainTag.unscoped.create(workspace=cast.acme, domain=one, name=name)
    for name in tags:
        assert DomainTag.unscoped.get(name__among=[name, "no such"]).name == name


def test_thousands_of_keys_are_one_parameter(cast: Cast) -> None:
    keys = [uuid.uuid4() for _ in range(3000)]
    with CaptureQueriesContext(connection) as seen:
        Domain.unscoped.filter(pk__among=keys).update(notes="x")
    assert seen.captured_queries[0]["sql"].count("::uuid[]" if connection.vendor == "postgresql" else "json_each") == 1
