from datetime import UTC, datetime, timedelta

import pytest

from config.lib import wording

NOW = datetime(2026, 11, 23, 17, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (-9, "just now"),
        (-20, "20 seconds ago"),
        (-100, "1 minute ago"),
        (-14 * 60, "14 minutes ago"),
        (99 * 60, "in 99 minutes"),
        (100 * 60, "in 1 hour"),
        (30 * 3600, "in 30 hours"),
        (12 * 86400, "in 12 days"),
        (-800 * 86400, "2 years ago"),
    ],
)
def test_a_moment_is_said_relative_to_now(seconds: int, words: str) -> None:
    assert wording.relative(NOW + timedelta(seconds=seconds), NOW) == words


def test_the_exact_time_is_utc_whatever_the_zone() -> None:
    local = NOW.astimezone(tz=None)
    assert wording.exact(local) == "2026-11-23 17:02:09 UTC"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.004, ""), (0.24, "0.2 s"), (41.4, "41 s"), (185, "3 min 05 s"), (60, "1 min 00 s")],
)
def test_a_step_says_how_long_it_took(seconds: float | None, words: str) -> None:
    assert wording.took(seconds) == words
