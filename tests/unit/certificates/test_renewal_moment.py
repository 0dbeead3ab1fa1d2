"""When a certificate is renewed, and when that is late: every lifetime, with and without the CA's word."""

from datetime import UTC, datetime, timedelta

import pytest

from certificates.renewal.moment import (
    EXPIRED,
    LATE,
    Suggestion,
    Window,
    choose,
    late_moment,
    overdue_level,
    overdue_moments,
    pause_after,
    renewal_moment,
)

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

# Lifetime in hours, and how much of it is left when it is renewed without the CA's word (30 days configured).
LIVES = {
    160: timedelta(hours=80),
    7 * 24: timedelta(days=3.5),
    10 * 24: timedelta(days=10) / 3,
    45 * 24: 15 * DAY,
    64 * 24: timedelta(days=64) / 3,
    90 * 24: 30 * DAY,
    100 * 24: 30 * DAY,
    200 * 24: 30 * DAY,
    398 * 24: 30 * DAY,
}


def end_of(hours: int) -> datetime:
    """notAfter is the last valid second."""
    return BEGAN + timedelta(hours=hours) - SECOND


@pytest.mark.parametrize("hours", LIVES)
def test_without_the_ca_s_word_a_share_of_the_life_is_left(hours: int) -> None:
    moment = renewal_moment(BEGAN, end_of(hours), suggestion=None, min_days_left=30)
    assert moment.why == "lifetime"
    assert end_of(hours) + SECOND - moment.at == LIVES[hours]


@pytest.mark.parametrize("hours", LIVES)
def test_a_setting_can_make_it_later_and_never_earlier_than_a_third(hours: int) -> None:
    moment = renewal_moment(BEGAN, end_of(hours), suggestion=None, min_days_left=5)
    left = end_of(hours) + SECOND - moment.at
    assert left == max(min(LIVES[hours], 5 * DAY), timedelta(hours=hours) / 20)
    none = renewal_moment(BEGAN, end_of(hours), suggestion=None, min_days_left=0)
    assert (none.why, end_of(hours) + SECOND - none.at) == ("emergency", timedelta(hours=hours) / 20)


@pytest.mark.parametrize("hours", LIVES)
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.66, 0.9, 0.949])
@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("is_past", [False, True])
def test_the_ca_s_word_counts_as_long_as_life_is_left(hours: int, share: float, chance: float, is_past: bool) -> None:
    """Also where it comes earlier or later than ours would."""
    life = timedelta(hours=hours)
    window = Window(BEGAN + life * share, BEGAN + life * share + life * 0.0009)
    chosen = choose(window, chance)
    assert window.start <= chosen < window.end
    moment = renewal_moment(
        BEGAN, end_of(hours), suggestion=Suggestion(window, chosen, is_past=is_past), min_days_left=30
    )
    assert moment.at == chosen
    assert moment.why == ("ari_past" if is_past else "ari")


@pytest.mark.parametrize("hours", LIVES)
@pytest.mark.parametrize("share", [0.951, 0.99, 1.0, 3.0])
def test_a_twentieth_before_the_end_nobody_s_word_counts(hours: int, share: float) -> None:
    life = timedelta(hours=hours)
    window = Window(BEGAN + life * share, BEGAN + life * share + HOUR)
    suggestion = Suggestion(window, window.start)
    moment = renewal_moment(BEGAN, end_of(hours), suggestion=suggestion, min_days_left=30)
    assert moment.why == "emergency"
    assert moment.at == BEGAN + life * 0.95


@pytest.mark.parametrize("hours", LIVES)
def test_it_is_overdue_by_shares_of_the_time_that_is_left_for_repairs(hours: int) -> None:
    end = end_of(hours)
    renew_at = renewal_moment(BEGAN, end, suggestion=None, min_days_left=30).at
    recovery = end - renew_at
    table = [
        (renew_at - HOUR, 0),
        (renew_at, 0),
        (renew_at + recovery * 9 / 100, 0),
        (renew_at + recovery * 10 / 100, 1),
        (renew_at + recovery * 32 / 100, 1),
        (renew_at + recovery * 33 / 100, 2),
        (renew_at + recovery * 65 / 100, 2),
        (renew_at + recovery * 66 / 100, 3),
        (end, 3),
        (end + SECOND, EXPIRED),
    ]
    assert [overdue_level(renew_at, end, now) for now, _ in table] == [level for _, level in table]
    assert overdue_moments(renew_at, end)[-1] == end


@pytest.mark.parametrize("late", [timedelta(0), DAY])
def test_a_plan_at_or_after_the_end_makes_sense(late: timedelta) -> None:
    end = end_of(90 * 24)
    assert overdue_level(end + late, end, end - HOUR) == 0
    assert overdue_level(end + late, end, end + SECOND) == EXPIRED


def test_after_refusals_it_is_tried_ever_more_rarely() -> None:
    """Five failures per name and hour lock an account out."""
    pauses = [pause_after(count, was_outage=False) for count in range(1, 6)]
    assert pauses == [timedelta(minutes=10), timedelta(minutes=100), DAY, DAY, DAY]


def test_in_the_last_third_of_the_time_to_recover_a_day_is_too_long() -> None:
    pauses = [pause_after(count, was_outage=False, late_in=-HOUR) for count in range(1, 5)]
    assert pauses == [timedelta(minutes=10), timedelta(minutes=100), 6 * HOUR, 6 * HOUR]
    assert overdue_level(BEGAN, BEGAN + 30 * DAY, BEGAN + 20 * DAY) == LATE
    assert overdue_level(BEGAN, BEGAN + 30 * DAY, BEGAN + 19 * DAY) == LATE - 1
    assert late_moment(BEGAN, BEGAN + 30 * DAY) == BEGAN + 0.66 * 30 * DAY


def test_a_pause_of_before_does_not_use_up_the_last_third() -> None:
    """Of a certificate of 160 hours that third is little more than a day."""
    assert pause_after(3, was_outage=False, late_in=3 * DAY) == DAY
    assert pause_after(3, was_outage=False, late_in=HOUR) == 7 * HOUR
    assert pause_after(1, was_outage=False, late_in=HOUR) == timedelta(minutes=10)


def test_after_outages_it_is_tried_soon() -> None:
    pauses = [pause_after(count, was_outage=True) for count in range(1, 9)]
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30, 60, 60, 60)]
