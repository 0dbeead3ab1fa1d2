"""A Monitor interval that is made shorter counts from now on, and not after the last visit of the old one."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.workspaces import change_workspace
from auditlog.events import SYSTEM
from config.lib import clock
from domains.add import add_domain
from domains.models import Domain, Visit
from tests.cast import Cast, make_cast

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LATER = timedelta(hours=30)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def planned(cast: Cast, host: str, *, verified: bool = True, wait: timedelta = LATER) -> Domain:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host)
    Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now() if verified else None)
    Visit.unscoped.filter(domain=domain).update(run_after=clock.now() + wait)
    return domain


def wait_of(domain: Domain) -> timedelta:
    run_after = Visit.unscoped.get(domain=domain).run_after
    assert run_after is not None
    return run_after - clock.now()


def change(cast: Cast, minutes: int) -> None:
    change_workspace(workspace=cast.acme, actor=SYSTEM, changes={"monitor_interval_minutes": minutes})


def test_a_shorter_interval_brings_visits_forward_and_keeps_them_apart(cast: Cast) -> None:
    domains = [planned(cast, f"h{number}.forge.org") for number in range(20)]
    change(cast, 5)
    waits = [wait_of(domain) for domain in domains]
    assert max(waits) <= timedelta(minutes=7.5)
    assert min(waits) > timedelta(minutes=2)
    assert len(set(waits)) == 20


def test_a_longer_interval_postpones_nothing(cast: Cast) -> None:
    soon = planned(cast, "www.forge.org", wait=timedelta(minutes=3))
    change(cast, 1440)
    assert wait_of(soon) <= timedelta(minutes=3)


def test_what_has_no_schedule_gets_none(cast: Cast) -> None:
    unproven = planned(cast, "www.forge.org", verified=False)
    change(cast, 5)
    assert wait_of(unproven) > timedelta(hours=29)


def test_other_settings_and_other_workspaces_are_left_alone(cast: Cast) -> None:
    domain = planned(cast, "www.forge.org")
    change_workspace(workspace=cast.other, actor=SYSTEM, changes={"monitor_interval_minutes": 5})
    change_workspace(workspace=cast.acme, actor=SYSTEM, changes={"time_zone": "Europe/Berlin"})
    assert wait_of(domain) > timedelta(hours=29)


def test_many_domains_cost_no_statement_each(cast: Cast) -> None:
    def statements(minutes: int) -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            change(cast, minutes)
        return len(asked)

    planned(cast, "www.forge.org")
    for_one = statements(60)
    for number in range(10):
        planned(cast, f"h{number}.forge.org")
    assert statements(30) == for_one
