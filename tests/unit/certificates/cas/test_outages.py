"""The line of those who wait for a CA."""

from datetime import timedelta

import pytest

from certificates.cas.outages import LONGEST_LINE, PER_MINUTE, wait_of
from certificates.models import CaOutage
from config.lib import clock
from tests.unit.certificates.conftest import DIRECTORY

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def outage() -> CaOutage:
    probe_at = clock.now() + timedelta(minutes=10)
    return CaOutage.objects.create(directory_url=DIRECTORY, roots="", since=clock.now(), failures=3, probe_at=probe_at)


def place() -> timedelta:
    waits = wait_of(DIRECTORY, "")
    assert waits
    assert waits.retry_at
    return waits.retry_at - clock.now()


def test_each_has_a_place_of_its_own(outage: CaOutage) -> None:
    with clock.frozen(clock.now()):
        first, second = place(), place()
    assert second - first == timedelta(minutes=1) / PER_MINUTE


def test_who_asks_again_and_again_puts_nobody_off_for_days(outage: CaOutage) -> None:
    assert outage.probe_at
    with clock.frozen(clock.now()):
        CaOutage.objects.update(line_ends_at=outage.probe_at + timedelta(days=3))
        found = [place() for _ in range(20)]
    assert max(found) <= timedelta(minutes=10) + LONGEST_LINE
    assert len(set(found)) == 20, "spread all the same"
    assert CaOutage.objects.get().line_ends_at == outage.probe_at + timedelta(days=3)
