"""A week of the beat's ticks: every rule fires at its moment, once, and late by no more than a tick."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from config.celery import TICK_SECONDS
from config.lib import clock, jobs
from domains.models import Visit
from notifications.models import Alarm, Delivery, Rule, Watch
from notifications.rules.watching import domains_moved
from tests.cast import make_cast
from tests.unit.notifications.watched import make_rule, watched

pytestmark = [pytest.mark.django_db, pytest.mark.proof, pytest.mark.timeout(600)]

BEGAN = datetime(2026, 3, 25, tzinfo=UTC)
WEEK = timedelta(days=7)
DAYS = (3, 9, 20)


def test_nothing_is_late_by_more_than_a_tick_or_two() -> None:
    chance, cast = random.Random(5), make_cast()
    Rule.objects.for_workspace(cast.acme).delete()
    rules = {make_rule(cast.acme, name=f"{days}", days_before_expiry=days).pk: days for days in DAYS}
    with clock.frozen(BEGAN):
        domains = [
            watched(cast.acme, f"h{n}.example.org", days=days + chance.uniform(0.1, 6.5))
            for n, days in enumerate(DAYS * 20)
        ]
        domains_moved([domain.pk for domain in domains])
    now = BEGAN
    while now < BEGAN + WEEK:
        with clock.frozen(now):
            jobs.run_due("watch")
        now += timedelta(seconds=TICK_SECONDS)
    ends = {key: end for key, end in Visit.unscoped.values_list("domain_id", "not_after") if end}
    late, told = [], 0
    for alarm in Alarm.unscoped.all():
        told += alarm.round + 1
        opened = max(BEGAN, ends[alarm.domain_id] - timedelta(days=rules[alarm.rule_id]))
        first = Delivery.unscoped.filter(rule=alarm.rule, domain_id=alarm.domain_id).order_by("run_after").first()
        assert first is not None
        assert first.run_after is not None
        late.append((first.run_after - opened).total_seconds())
    assert Delivery.unscoped.count() == told
    assert len(late) >= len(domains)
    assert min(late) >= 0
    assert sorted(late)[int(len(late) * 0.99)] <= 2 * TICK_SECONDS
    assert not Watch.unscoped.filter(run_after__lt=now - timedelta(minutes=1)).exists()
