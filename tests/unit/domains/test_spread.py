"""10,000 domains that were added together are not visited together."""

import random
import uuid
from collections import Counter
from datetime import datetime, timedelta

import pytest

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


def _keys() -> list[uuid.UUID]:
    """The same in every run: a bound near what chance gives must not fail by chance."""
    chance = random.Random(7)
    return [uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(10_000)]


def _busiest_minute(moments: list[datetime]) -> int:
    return max(Counter(int(moment.timestamp() // 60) for moment in moments).values())


def _next_round(moments: dict[uuid.UUID, datetime], interval: timedelta) -> dict[uuid.UUID, datetime]:
    return {key: at + spread(interval, key, at) for key, at in moments.items()}


def test_ten_thousand_that_were_added_at_once_are_apart_in_every_later_round() -> None:
    due = dict.fromkeys(_keys(), NOW)
    for _ in range(4):
        due = _next_round(due, QUARTER)
        assert _busiest_minute(list(due.values())) < 10_000 / 15 * 1.25


@pytest.mark.parametrize("minutes", [1, 5, 60, 1440])
def test_they_stay_apart_when_the_interval_changes(minutes: int) -> None:
    """Each finds its new beat from wherever the change met it, also those that were all late together."""
    due = dict.fromkeys(_keys(), NOW)
    apart = _next_round(due, QUARTER)
    together = dict.fromkeys(apart, max(apart.values()))  # the portal was stopped meanwhile
    for moments in (apart, together):
        for _ in range(3):
            moments = _next_round(moments, timedelta(minutes=minutes))
            even = 10_000 / minutes
            assert _busiest_minute(list(moments.values())) < even + 5 * even**0.5 + even * 0.1
