"""Shares, response times, outages and bars out of probes."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.uptime.figures import (
    PERIODS,
    Period,
    buckets,
    latency,
    longest_silence,
    outages,
    percent,
    percent_of,
    step_of,
    without_empty_ends,
)
from domains.uptime.packing import Probe

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SILENCE = longest_silence(QUARTER)
BERLIN = ZoneInfo("Europe/Berlin")


def probe(minutes: float, status: int | None = 200, milliseconds: int = 100) -> Probe:
    return Probe(NOON + timedelta(minutes=minutes), status, milliseconds, "https" if status else "")


def row(*statuses: int | None) -> list[Probe]:
    """A probe every quarter of an hour from noon on."""
    return [probe(15 * place, status) for place, status in enumerate(statuses)]


def test_the_share_is_of_the_looks_that_were_taken() -> None:
    assert percent(row(200, 404, 500, None)) == 50.0
    assert percent([]) is None


def test_a_hundred_means_every_single_one() -> None:
    assert percent_of(99_999, 100_000) == 99.99
    assert percent_of(100_000, 100_000) == 100.0
    assert percent_of(1, 100_000) == 0.0


def test_response_times_leave_failures_out() -> None:
    took = [probe(number, 200, number) for number in range(1, 101)] + [probe(200, 502, 9000), probe(201, None, 0)]
    found = latency(took)
    assert found is not None
    assert (found.median, found.p95) == (50, 95)
    assert latency(row(500, None)) is None


def test_one_answer_is_its_own_median() -> None:
    found = latency([probe(0, 200, 42)])
    assert found is not None
    assert (found.median, found.p95) == (42, 42)


def test_an_outage_lasts_from_its_first_failure_to_the_next_answer() -> None:
    (found,) = outages(row(200, None, 503, 200), NOON + timedelta(hours=1), SILENCE)
    assert (found.started_at, found.ended_at) == (NOON + QUARTER, NOON + 3 * QUARTER)
    assert (found.probes, found.first.status, found.is_over) == (2, None, True)


def test_outages_come_newest_first_and_the_last_may_go_on() -> None:
    newest, oldest = outages(row(500, 200, 200, None), NOON + timedelta(hours=1), SILENCE)
    assert (oldest.started_at, oldest.ended_at) == (NOON, NOON + QUARTER)
    assert (newest.ended_at, newest.is_over) == (None, False)


def test_a_time_without_looks_is_no_downtime() -> None:
    later = 15 * 40
    found = outages([probe(0, None), probe(15, None), probe(later, None), probe(later + 15)], NOON, SILENCE)
    assert [(one.probes, one.ended_at) for one in found] == [(1, NOON + timedelta(minutes=later + 15)), (2, None)]
    assert [one.is_over for one in found] == [True, True]
    assert found[1].last_at == NOON + QUARTER


def test_an_answer_after_a_long_silence_does_not_date_the_end() -> None:
    (found,) = outages([probe(0, None), probe(600)], NOON + timedelta(hours=11), SILENCE)
    assert (found.ended_at, found.is_over) == (None, True)


def test_an_outage_that_nobody_looks_at_any_more_is_not_called_lasting() -> None:
    (found,) = outages(row(200, None), NOON + timedelta(days=3), SILENCE)
    assert (found.ended_at, found.is_over) == (None, True)


def test_a_bar_is_no_shorter_than_the_interval() -> None:
    assert step_of(PERIODS["24h"], QUARTER) == QUARTER
    assert step_of(PERIODS["24h"], timedelta(minutes=1)) == QUARTER
    assert step_of(PERIODS["24h"], timedelta(minutes=50)) == timedelta(hours=1)
    assert step_of(PERIODS["7d"], timedelta(days=1)) == timedelta(days=1)
    assert step_of(PERIODS["30d"], QUARTER) == timedelta(hours=8)


def test_every_probe_stands_in_the_bar_of_its_time() -> None:
    found = buckets(row(200, 500, 200), NOON - timedelta(hours=1), NOON + timedelta(hours=1), QUARTER, UTC)
    assert [len(bucket.probes) for bucket in found] == [0, 0, 0, 0, 1, 1, 1, 0, 0]
    assert found[5].start == NOON + QUARTER
    assert found[5].probes[0].status == 500


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25), (6, 1, 24)])
def test_the_days_of_the_clock_change_are_whole(month: int, day: int, hours: int) -> None:
    """Bars begin at midnight, at eight and at four in the afternoon of Berlin, on these days too."""
    midnight = datetime(2026, month, day, tzinfo=BERLIN)
    found = buckets([], midnight, midnight + timedelta(days=1, minutes=-1), timedelta(hours=8), BERLIN)
    assert [bucket.start.astimezone(BERLIN).hour for bucket in found[:3]] == [0, 8, 16]
    assert found[2].end - found[0].start == timedelta(hours=hours)


def test_a_bar_over_a_skipped_hour_is_shorter_and_none_is_empty() -> None:
    since = datetime(2026, 3, 29, tzinfo=BERLIN)
    found = buckets([], since, since + timedelta(hours=5), timedelta(hours=1), BERLIN)
    starts = [bucket.start.astimezone(BERLIN).hour for bucket in found]
    assert starts[:4] == [0, 1, 3, 4]
    assert all(bucket.end > bucket.start for bucket in found)


def test_a_bar_that_has_just_begun_is_not_called_a_gap() -> None:
    since, now = NOON - timedelta(minutes=58), NOON + timedelta(minutes=16)
    found = without_empty_ends(buckets([probe(1)], since, now, QUARTER, UTC), since, now)
    assert [bucket.start.minute for bucket in found] == [15, 30, 45, 0]
    kept = without_empty_ends(buckets([probe(1), probe(16)], since, now, QUARTER, UTC), since, now)
    assert kept[-1].probes == (probe(16),)


ZONES = st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/New_York", "UTC"])


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    period=st.sampled_from(list(PERIODS.values())),
    minutes=st.integers(1, 1440),
    zone=ZONES.map(ZoneInfo),
    ages=st.lists(st.floats(0, 1), max_size=30),
)
def test_no_probe_of_a_period_is_lost_and_bars_follow_on_one_another(
    now: datetime, period: Period, minutes: int, zone: tzinfo, ages: list[float]
) -> None:
    since = now - period.length
    probes = [Probe(moment, 200, 1, "https") for moment in sorted(now - age * period.length for age in ages)]
    found = buckets(probes, since, now, step_of(period, timedelta(minutes=minutes)), zone)
    assert found[0].start <= since < found[0].end
    assert found[-1].start <= now < found[-1].end
    assert [one.end for one in found[:-1]] == [one.start for one in found[1:]]
    assert [probe for bucket in found for probe in bucket.probes] == probes
    assert len(found) <= 98
