"""Moments from outside end as UTC, or as ValueError."""

from datetime import UTC, datetime

import pytest

from config.lib.moments import parse_moment


def test_a_moment_with_a_zone_is_read_as_utc() -> None:
    moment = parse_moment("2026-11-23T18:00:00+01:00")
    assert moment == datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert moment.utcoffset() == datetime(2026, 1, 1, tzinfo=UTC).utcoffset()


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-11-23", "2026-11-23T18:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (the callers catch just that)
        parse_moment(text)
