from datetime import UTC, datetime, timedelta, timezone

import pytest

from config.lib import lifeline

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def life(lived: float, days: float, renewal: float | None = None) -> lifeline.Lifeline:
    start = NOW - timedelta(days=lived)
    renew_at = None if renewal is None else start + timedelta(days=renewal)
    return lifeline.draw(start, start + timedelta(days=days), NOW, renew_at)


@pytest.mark.parametrize(
    ("lived", "days", "left"),
    [
        (28, 90, "62 days left"),
        (88, 90, "2 days left"),
        (88.5, 90, "36 hours left"),
        (89.97, 90, "43 minutes left"),
        (90, 90, "expired 0 seconds ago"),
        (93, 90, "expired 3 days ago"),
        (-0.5, 90, "valid in 12 hours"),
    ],
)
def test_the_words_say_how_much_is_left(lived: float, days: float, left: str) -> None:
    assert life(lived, days).left == left


@pytest.mark.parametrize(
    ("lived", "renewal", "right"),
    [
        (28, 60, "renews 25 December"),
        (59.5, 60, "renews in 12 hours"),
        (61, 60, "renewal due"),
        (28, None, "expires 24 January 2027"),
        (91, None, "expired 22 November"),
    ],
)
def test_the_words_say_what_comes_at_the_end(lived: float, renewal: float | None, right: str) -> None:
    assert life(lived, 90, renewal).right == right


def test_now_and_the_renewal_window_lie_at_their_share_of_the_life() -> None:
    line = life(45, 90, 60)
    assert (line.start, line.now, line.renew, line.end) == (0.0, 50.0, 66.67, 100.0)
    assert line.spent == 50.0
    assert line.window == pytest.approx(33.33)


@pytest.mark.parametrize("overdue", [0, 0.1, 3, 400, 40_000])
def test_an_expired_life_leaves_bounded_room_before_now(overdue: float) -> None:
    line = life(90 + overdue, 90)
    assert line.is_expired
    assert line.now == 100.0
    assert 76.0 <= line.end <= 100.0
    assert line.spent == line.end


def test_a_life_that_has_not_begun_has_nothing_spent() -> None:
    line = life(-3, 90, 60)
    assert line.is_future
    assert (line.now, line.spent) == (0.0, 0.0)
    assert line.start > 0


def test_a_certificate_that_ends_before_it_begins_is_still_drawn() -> None:
    line = lifeline.draw(NOW, NOW - timedelta(days=1), NOW)
    assert 0 <= line.start <= line.end <= 100


def test_the_zone_decides_the_day() -> None:
    auckland = timezone(timedelta(hours=13))
    line = lifeline.draw(NOW - timedelta(days=60), NOW + timedelta(days=30), NOW, zone=auckland)
    assert line.right == "expires 24 December"


def test_the_description_reads_as_one_sentence() -> None:
    assert life(28, 90, 60).described == (
        "Life of the certificate, 26 October to 24 January 2027: 62 days left, renews 25 December"
    )


def test_mails_draw_the_same_life_in_characters() -> None:
    assert lifeline.as_text(life(45, 90, 60), width=12) == "[======|-////] 45 days left, renews 8 December"
