"""When a successor may be ordered: the table of lifetimes."""

from datetime import UTC, datetime, timedelta

import pytest

from certificates.window import days_left_to_open, shown_days, window_opens_at

START = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def ends(life: timedelta) -> datetime:
    return START + life - SECOND


@pytest.mark.parametrize(
    ("life", "setting", "days_left"),
    [
        (timedelta(days=90), 30, 30.0),
        (timedelta(days=90), 10, 10.0),
        (timedelta(days=90), 60, 30.0),
        (timedelta(days=90), 0, 0.0),
        (timedelta(days=64), 30, 64 / 3),
        (timedelta(days=45), 30, 15.0),
        (timedelta(days=200), 30, 30.0),
        (timedelta(days=10), 30, 10 / 3),
        (timedelta(hours=160), 30, 160 / 24 / 2),
        (timedelta(days=10) - SECOND, 30, 4.999994),
    ],
)
def test_the_window_follows_the_lifetime(life: timedelta, setting: int, days_left: float) -> None:
    left = days_left_to_open(START, ends(life), min_days_left=setting)
    assert left / timedelta(days=1) == pytest.approx(days_left, abs=1e-5)


def test_it_opens_at_the_second_in_which_exactly_that_much_is_left() -> None:
    opens = window_opens_at(START, ends(timedelta(days=90)), min_days_left=30)
    assert opens == START + timedelta(days=60)


@pytest.mark.parametrize(("days", "shown"), [(30.0, "30"), (64 / 3, "21.3"), (160 / 48, "3.3"), (0.0, "0")])
def test_days_are_shown_with_a_decimal_only_where_it_says_something(days: float, shown: str) -> None:
    assert shown_days(timedelta(days=days)) == shown
