"""When a renewal is rehearsed: at half-life and 14, 7 and 3 days before, as far as that lies in its life."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.daemons import DAEMONS, is_test
from deploy.readiness.moments import is_due, next_moment, rehearsal_moments, spread_of

START = datetime(2026, 1, 1, tzinfo=UTC)


def days(*numbers: float) -> list[datetime]:
    return [START + timedelta(days=number) for number in numbers]


@pytest.mark.parametrize(
    ("life", "renewal", "expected"),
    [
        (90, 60, (45, 46, 53, 57)),
        (64, 42.7, (28.7, 32, 35.7, 39.7)),
        (45, 30, (16, 22.5, 23, 27)),
        (6.67, 3.33, (0.33,)),
        (1, 0.5, ()),
    ],
)
def test_of_every_lifetime(life: float, renewal: float, expected: tuple[float, ...]) -> None:
    (end,), (renew_at,) = days(life), days(renewal)
    found = rehearsal_moments(START, end, renew_at)
    assert [round((moment - START) / timedelta(days=1), 2) for moment in found] == list(expected)


def test_one_is_due_once_and_one_that_was_missed_is_made_up_for() -> None:
    moments = days(45, 46, 53)
    (before, at, later) = days(44, 45, 54)
    assert not is_due(moments, None, before)
    assert is_due(moments, None, at)
    assert not is_due(moments, at + timedelta(hours=1), at + timedelta(hours=2))
    assert is_due(moments, at, later)
    assert [next_moment(moments, before), next_moment(moments, at), next_moment(moments, later)] == [
        *days(45, 46),
        None,
    ]


def test_those_of_a_short_life_are_put_less_far_apart() -> None:
    (long, short) = days(60, 3)
    assert spread_of(START, long) == timedelta(hours=6)
    assert spread_of(START, short) == timedelta(hours=1.44)


@pytest.mark.parametrize("daemon", DAEMONS, ids=lambda one: one.name)
def test_of_the_lines_that_we_suggest_only_the_first_is_a_test(daemon: object) -> None:
    lines = daemon.reload  # type: ignore[attr-defined]
    assert [is_test(line) for line in lines] == [len(lines) > 1, False][-len(lines) :]


@pytest.mark.parametrize(
    "line",
    [
        "nginx -s reload",
        "nginx -t -s reload",
        "nginx -t && systemctl reload nginx",
        "nginx -t; reboot",
        "sudo -n nginx -t | tee /etc/passwd",
        "sudo -u root nginx -t",
        "/opt/own-script -t",
        "apachectl -k graceful -t",
        "sh -c 'nginx -t'",
        "sudo",
        "",
    ],
)
def test_what_may_do_more_is_never_run(line: str) -> None:
    assert not is_test(line)


@pytest.mark.parametrize(
    "line", ["/usr/sbin/nginx -c /srv/nginx.conf -t", "sudo -n -- /usr/sbin/apache2ctl configtest", "httpd -t"]
)
def test_it_is_known_by_whatever_path(line: str) -> None:
    assert is_test(line)
