"""10,000 domains that were added together are not visited together."""

import uuid
from collections import Counter
from datetime import timedelta

from domains.conclusion import spread
from tests.unit.domains.forge import NOW

QUARTER = timedelta(minutes=15)


def test_each_row_keeps_to_one_beat() -> None:
    key = uuid.uuid4()
    first = NOW + spread(QUARTER, key, NOW)
    second = first + spread(QUARTER, key, first)
    third = second + spread(QUARTER, key, second)
    assert abs((second - first) - QUARTER) < timedelta(seconds=1)
    assert abs((third - second) - QUARTER) < timedelta(seconds=1)


def test_a_late_visit_finds_its_beat_again() -> None:
    key = uuid.uuid4()
    beat = NOW + spread(QUARTER, key, NOW)
    late = beat + timedelta(minutes=4)
    assert abs(late + spread(QUARTER, key, late) - (beat + QUARTER)) < timedelta(seconds=1)


def test_no_wait_is_shorter_than_half_an_interval_or_longer_than_one_and_a_half() -> None:
    waits = [spread(QUARTER, uuid.uuid4(), NOW) for _ in range(2000)]
    assert min(waits) >= QUARTER / 2
    assert max(waits) <= QUARTER * 1.5


def test_the_beats_of_many_rows_are_spread_evenly() -> None:
    minutes = Counter(int(spread(QUARTER, uuid.uuid4(), NOW).total_seconds() // 60) for _ in range(15_000))
    assert max(minutes.values()) < 1300
