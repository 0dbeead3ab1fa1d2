"""A statement that is compiled once writes what Django would, whatever its values are."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from certificates.models import Certificate
from config.lib import clock
from config.lib.leases import held_for
from config.lib.prepared import Computed, add, change
from deploy.models import RunStep, Server, TargetRun
from tests.cast import make_cast
from tests.rows import Rows

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def rows() -> Rows:
    cast = make_cast()
    return Rows(cast.acme, cast.admin)


def stored(row: models.Model) -> dict[str, Any]:
    return type(row)._base_manager.filter(pk=row.pk).values().get()


CHANGES: tuple[dict[str, Any], ...] = (
    {"outcome": "serving", "files": ["/etc/ssl/a.pem", "ö\"'%s"], "started_at": clock.now(), "attempts": 3},
    {"outcome": "", "files": [], "started_at": None, "attempts": 0},
    {"lease_token": uuid.uuid4(), "certificate_id": None, "error_params": {"a": {"b": None}}},
)


@pytest.mark.parametrize("values", CHANGES)
def test_values_of_every_kind_arrive_as_by_an_update(rows: Rows, values: dict[str, Any]) -> None:
    run = rows.of(TargetRun)
    TargetRun.unscoped.filter(pk=run.pk).update(**values)
    expected = stored(run)
    TargetRun.unscoped.filter(pk=run.pk).update(outcome="x", files=["x"], started_at=clock.now(), lease_token=None)
    for _ in range(2):  # Compiled first, and then as it was compiled.
        assert change(TargetRun, {"pk": run.pk}, values) == 1
        assert {name: stored(run)[name] for name in values} == {name: expected[name] for name in values}


def test_a_row_that_is_pointed_to_is_named_by_itself_or_by_its_key(rows: Rows) -> None:
    run, certificate = rows.of(TargetRun), rows.of(Certificate)
    for named in ({"certificate": certificate}, {"certificate": None}, {"certificate_id": certificate.pk}):
        assert change(TargetRun, {"pk": run.pk}, named) == 1
        assert stored(run)["certificate_id"] == (certificate.pk if any(named.values()) else None)


def test_only_what_equals_is_hit(rows: Rows) -> None:
    server, token = rows.of(Server), uuid.uuid4()
    held = {"pk": server.pk, "lease_token": token}
    assert change(Server, held, {"name": "other"}) == 0
    Server.unscoped.filter(pk=server.pk).update(lease_token=token)
    assert change(Server, held, {"name": "other"}) == 1
    assert change(Server, {**held, "lease_token": uuid.uuid4()}, {"name": "third"}) == 0
    assert stored(server)["name"] == "other"


def test_none_equals_nothing(rows: Rows) -> None:
    server = rows.of(Server)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert change(Server, {"pk": server.pk, "lease_token": None}, {"name": "other"}) == 0
    assert len(asked) == 0
    assert stored(server)["name"] == server.name


def test_a_span_is_computed_by_the_database(rows: Rows) -> None:
    server, before = rows.of(Server), clock.now()
    for seconds in (3600, 7200, 60):
        change(Server, {"pk": server.pk}, {"lease_until": held_for(seconds)})
    # SQLite's clock shows milliseconds.
    assert (
        timedelta(seconds=-1) < stored(server)["lease_until"] - before - timedelta(seconds=7200) < timedelta(minutes=5)
    )


def test_a_number_is_added_by_the_database(rows: Rows) -> None:
    run = rows.of(TargetRun)
    for more in (1, 5):
        change(TargetRun, {"pk": run.pk}, {"claims": Computed(lambda more: F("claims") + more, more)})
    assert stored(run)["claims"] == run.claims + 6


def test_what_is_no_plain_change_is_refused(rows: Rows) -> None:
    run = rows.of(TargetRun)
    twice = Computed(lambda span: Now() + span + span, timedelta(seconds=1))
    with pytest.raises(TypeError, match="not a plain change"):
        change(TargetRun, {"pk": run.pk}, {"run_after": twice})
    with pytest.raises(TypeError):
        change(TargetRun, {"pk": run.pk}, {"claims": F("claims") + 1})
    assert stored(run)["claims"] == run.claims


def test_a_row_is_added_as_by_a_save(rows: Rows) -> None:
    run = rows.of(TargetRun)
    given: dict[str, Any] = {"workspace": run.workspace, "run": run, "name": "Look — %s", "started_at": clock.now()}
    saved = RunStep.objects.create(position=0, **given)  # type: ignore[misc]
    for position in (1, 2):
        row = RunStep(position=position, **given)
        add(row)
        assert {**stored(row), "id": saved.pk, "position": 0} == stored(saved)
        row.save()  # It knows that it is there.
    assert RunStep.unscoped.filter(run=run).count() == 3
