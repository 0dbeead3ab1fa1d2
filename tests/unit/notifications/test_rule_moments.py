"""When rules fire: each rule with each lifetime and way of renewal, as one table."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from domains.models import Finding
from notifications.models import Alarm, Rule, Trigger
from notifications.rules.moments import Life, Moment, expiry_moment, finding_moment

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
COOLDOWN = timedelta(hours=24)
LIFETIMES = (6, 10, 45, 64, 90, 398)
DAYS = (30, 14, 7)
MODES = ("monitor", "dns", "upload", "acme_auto")
# When a renewal is planned, as a share of the life; None: nobody has planned one.
PLANNED = (None, 1 / 2, 2 / 3)
EACH = list(itertools.product(LIFETIMES, DAYS, MODES, PLANNED))


def rule(days: int, *, default: bool = False, **fields: object) -> Rule:
    return Rule(trigger=Trigger.EXPIRY, days_before_expiry=days, is_default=default, **fields)


def life(lifetime: float, mode: str = "monitor", planned: float | None = None) -> Life:
    renew_at = BEGAN + planned * lifetime * DAY if planned else None
    return Life("f1", BEGAN, BEGAN + lifetime * DAY, mode, renew_at)


def said(at: datetime, number: int = 0, acknowledged_at: datetime | None = None) -> Alarm:
    return Alarm(pk=uuid.uuid4(), round=number, fired_at=at, acknowledged_at=acknowledged_at)


def moment(of: Rule, lived: Life | None, alarm: Alarm | None = None, ack: datetime | None = None) -> Moment:
    return expiry_moment(of, lived, alarm, cooldown=COOLDOWN, acknowledged_at=ack)


@pytest.mark.parametrize(("lifetime", "days", "mode", "planned"), EACH)
def test_a_rule_that_somebody_wrote_fires_exactly_as_written(
    lifetime: int, days: int, mode: str, planned: float | None
) -> None:
    assert moment(rule(days), life(lifetime, mode, planned)).at == BEGAN + (lifetime - days) * DAY


# What is left of the life in days when each rule opens, by hand: min(30, L/3), min(14, L/6), min(7, L/12).
SCALED = {
    6: (2, 1, 0.5),
    10: (10 / 3, 10 / 6, 10 / 12),
    45: (15, 7.5, 3.75),
    64: (64 / 3, 64 / 6, 64 / 12),
    90: (30, 14, 7),
    398: (30, 14, 7),
}


@pytest.mark.parametrize(("lifetime", "days", "mode", "planned"), EACH)
def test_a_default_rule_is_scaled_and_silent_about_what_renews_itself(
    lifetime: int, days: int, mode: str, planned: float | None
) -> None:
    left = SCALED[lifetime][DAYS.index(days)]
    share = planned or (2 / 3 if mode == "acme_auto" else None)
    # A tenth of the way from the renewal to the end is lost before anybody is told.
    overdue_left = lifetime * (1 - share) * 0.9 if share else float("inf")
    found = moment(rule(days, default=True), life(lifetime, mode, planned))
    assert found.at is not None
    assert abs(found.at - (BEGAN + (lifetime - min(left, overdue_left)) * DAY)) < timedelta(milliseconds=1)
    assert found.why == ("renews_itself" if overdue_left < left else "")


@pytest.mark.parametrize("lifetime", LIFETIMES)
def test_it_repeats_after_an_eighth_of_what_is_left_and_never_sooner_than_the_cooldown(lifetime: int) -> None:
    lived, of = life(lifetime), rule(30)
    at, alarm, rounds = moment(of, lived).at, None, []
    while at is not None and at < lived.not_after + 3 * DAY:
        at = max(at, BEGAN)
        rounds.append(at)
        alarm = said(at, len(rounds) - 1)
        following = moment(of, lived, alarm)
        assert following.round == len(rounds)
        assert following.at is not None
        assert following.at - at == max(COOLDOWN, (lived.not_after - at) / 8)
        at = following.at
    assert len(rounds) == len(set(rounds)) >= 8


def test_after_expiry_it_repeats_by_the_cooldown() -> None:
    lived = life(90)
    fired = lived.not_after + 5 * DAY
    assert moment(rule(7), lived, said(fired)).at == fired + COOLDOWN


def test_a_certificate_that_took_its_place_has_a_moment_of_its_own() -> None:
    renewed = Life("f2", BEGAN + 60 * DAY, BEGAN + 150 * DAY)
    assert moment(rule(30), renewed) == Moment(BEGAN + 120 * DAY)


def test_acknowledged_paused_and_unseen_are_silent() -> None:
    lived, fired = life(90), BEGAN + 61 * DAY
    assert moment(rule(30), lived, said(fired, acknowledged_at=fired)).at is None
    assert moment(rule(30), lived, said(fired), ack=fired + DAY).at is None
    assert moment(rule(30, paused_at=fired), lived).why == "paused"
    assert moment(rule(30), None).why == "no_certificate"


def test_who_acknowledged_the_first_warning_is_still_warned_by_the_next_rule() -> None:
    lived, acknowledged = life(90), BEGAN + 61 * DAY
    assert moment(rule(7), lived, None, acknowledged).at == BEGAN + 83 * DAY
    assert moment(rule(7), lived, said(BEGAN + 83 * DAY), acknowledged).at == BEGAN + 84 * DAY


def test_a_clock_that_goes_back_repeats_nothing() -> None:
    lived, fired = life(90), BEGAN + 61 * DAY
    following = moment(rule(30), lived, said(fired))
    assert not following.is_due(fired - DAY)
    assert not following.is_due(fired)


@pytest.mark.parametrize("days", [0, 30, 3650])
@pytest.mark.parametrize("default", [True, False])
def test_lives_without_sense_have_a_moment_as_well(days: int, default: bool) -> None:
    for before, after in (
        (None, BEGAN),
        (BEGAN, BEGAN - 9 * DAY),
        (BEGAN, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ):
        for mode, renew_at in (("acme_auto", None), ("acme_auto", after), ("monitor", None)):
            lived = Life("f", before, after, mode, renew_at)
            assert moment(rule(days, default=default), lived).at is not None
            assert moment(rule(days, default=default), lived, said(BEGAN)).at is not None


def test_a_finding_is_told_at_once_and_again_until_it_is_over_or_acknowledged() -> None:
    of = Rule(trigger=Trigger.PROBLEM)
    open_one = Finding(opened_at=BEGAN)
    assert finding_moment(of, open_one, None, cooldown=COOLDOWN) == Moment(BEGAN)
    again = finding_moment(of, open_one, said(BEGAN), cooldown=COOLDOWN)
    assert (again.at, again.round) == (BEGAN + COOLDOWN, 1)
    for silent in (Finding(opened_at=BEGAN, closed_at=BEGAN), Finding(opened_at=BEGAN, acknowledged_at=BEGAN)):
        assert finding_moment(of, silent, None, cooldown=COOLDOWN).at is None
