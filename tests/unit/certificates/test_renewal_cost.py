"""What a sweep costs grows with what is due, not with what renews by itself."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from certificates.models import Advice, Certificate, Renewal
from certificates.renewal.by_hand import plan_some
from config.lib import clock, jobs
from domains.models import Domain
from tests.cast import Cast
from tests.unit.certificates.conftest import DIRECTORY, make_domain

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def renewing(cast: Cast, count: int, *, due: bool) -> list[Domain]:
    domains = [make_domain(cast, f"d{Renewal.unscoped.count() + number}.acme-tools.net") for number in range(count)]
    at = clock.now() if due else clock.now().replace(year=2100)
    for domain in domains:
        Renewal.objects.create(
            workspace=domain.workspace, domain=domain, names=[domain.host], directory_url=DIRECTORY, run_after=at
        )
    return domains


def queries_of_a_sweep() -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        jobs.run_due("renewal")
    return len(captured)


def test_what_is_not_due_costs_nothing(cast: Cast) -> None:
    renewing(cast, 2, due=False)
    few = queries_of_a_sweep()
    renewing(cast, 40, due=False)
    assert queries_of_a_sweep() == few == 1


def test_what_is_due_costs_its_own_work(cast: Cast) -> None:
    renewing(cast, 50, due=False)
    renewing(cast, 1, due=True)
    one = queries_of_a_sweep()
    renewing(cast, 4, due=True)
    assert queries_of_a_sweep() <= 4 * one


def test_what_people_renew_costs_nothing_until_it_is_due(cast: Cast, store: Callable[..., Certificate]) -> None:
    store()
    plan_some()
    Advice.unscoped.update(run_after=clock.now().replace(year=2100))
    with CaptureQueriesContext(connection) as captured:
        plan_some()
        jobs.run_due("advice")
    assert len(captured) == 2
