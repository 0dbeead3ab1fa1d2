"""Probes survive being packed, and packed hours can be joined."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domains.uptime.packing import LETTERS, LONGEST, Probe, hour_of, pack, unpack

HOUR = datetime(2026, 11, 25, 14, tzinfo=UTC)


@st.composite
def probes(draw: st.DrawFn) -> Probe:
    at = HOUR + timedelta(seconds=draw(st.integers(0, 3599)))
    if draw(st.booleans()):
        return Probe(at, None, 0, "")
    scheme = draw(st.sampled_from(["https", "http"]))
    return Probe(at, draw(st.integers(100, 599)), draw(st.integers(0, LONGEST)), scheme)


@given(st.lists(probes(), max_size=40))
def test_an_hour_of_probes_comes_back_as_it_was(given_probes: list[Probe]) -> None:
    packed = "".join(pack(probe) for probe in given_probes)
    assert len(packed) == LETTERS * len(given_probes)
    assert list(unpack(HOUR, packed)) == given_probes


@given(st.lists(probes(), max_size=9), st.lists(probes(), max_size=9))
def test_two_packed_parts_joined_are_both(first: list[Probe], second: list[Probe]) -> None:
    parts = ["".join(map(pack, part)) for part in (first, second)]
    assert list(unpack(HOUR, "".join(parts))) == first + second


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001  (hypothesis takes these without a zone)
def test_the_moment_is_kept_to_the_second_in_any_zone(at: datetime) -> None:
    probe = Probe(at, 200, 12, "https")
    (kept,) = unpack(hour_of(at), pack(probe))
    assert kept.at == at.astimezone(UTC).replace(microsecond=0)


def test_an_endless_answer_counts_as_the_longest() -> None:
    (kept,) = unpack(HOUR, pack(Probe(HOUR, 200, LONGEST + 1, "http")))
    assert kept.milliseconds == LONGEST


def test_a_server_error_is_down_and_a_locked_door_is_up() -> None:
    answers = {200: True, 301: True, 401: True, 404: True, 499: True, 500: False, 503: False, None: False}
    assert {status: Probe(HOUR, status, 1, "https").is_up for status in answers} == answers
