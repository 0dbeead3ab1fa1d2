"""What the doctor says of each thing that can be wrong."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.db import DatabaseError
from pytest_django import Settings

from accounts.models import Chore, PlatformMail
from config.doctor import machine, outside, work
from config.doctor.findings import Finding, Level, ok, run_check
from config.lib import clock
from config.lib.errors import Permanent
from config.lib.sealed import Sealed
from config.models import Heartbeat, Pause

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

KEY, OTHER = b"k" * 32, b"o" * 32


@pytest.fixture(autouse=True)
def _place(settings: Settings, tmp_path: Path) -> None:
    """A VAR_DIR in which nothing runs."""
    settings.VAR_DIR, settings.REDIS_URL, settings.EMAIL_URL = tmp_path, "", ""
    tmp_path.chmod(0o700)
    (tmp_path / "run").mkdir()


def levels(found: Iterator[Finding]) -> list[Level]:
    return [finding.level for finding in found]


def run_here(settings: Settings, *, minutes: float = 10) -> None:
    """As if `manage.py run` had started our own process so long ago."""
    path = settings.VAR_DIR / "run" / "work.pid"
    path.write_text(f"{os.getpid()}\n")
    started = time.time() - 60 * minutes
    os.utime(path, (started, started))


def beat(queue: str, ago: float) -> None:
    Heartbeat.objects.create(queue=queue, at=clock.now() - timedelta(seconds=ago))


# Running a check


def test_a_check_that_hangs_is_broken_and_what_it_found_before_stays() -> None:
    forever = threading.Event()

    def hangs() -> Iterator[Finding]:
        yield ok("before")
        forever.wait()

    began = time.monotonic()
    found = run_check(hangs, seconds=0.2)
    assert time.monotonic() - began < 5
    assert [finding.what for finding in found] == ["before", "the check did not end within 0.2 seconds"]
    assert found[1].level is Level.BROKEN
    forever.set()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DatabaseError("no route\n to it"), "the database does not answer: no route to it"),
        (Permanent("egress_refused", host="h"), "The portal does not connect to h."),
        (KeyError("x"), "the check itself failed: KeyError: 'x'"),
    ],
)
def test_a_check_that_fails_says_so_in_one_line(error: Exception, words: str) -> None:
    def fails() -> Iterator[Finding]:
        yield ok("before")
        raise error

    first, second = run_check(fails, seconds=5)
    assert (first.what, second.level) == ("before", Level.BROKEN)
    assert second.what.startswith(words)
    assert second.todo


def test_no_password_is_told() -> None:
    (found,) = run_check(lambda: [ok("see postgres://portal:hunter22@db/x")], seconds=5)
    assert "hunter22" not in found.what


# The inside


def test_a_portal_that_does_not_run_is_a_warning() -> None:
    (found,) = work.check_queue()
    assert (found.level, "does not run here" in found.what) == (Level.WARNING, True)


def test_a_running_portal_answers_by_its_heartbeat(settings: Settings) -> None:
    run_here(settings)
    beat("work", 3)
    beat("inspect", 14)
    assert [finding.what for finding in work.check_queue()] == [
        "a worker of work was rung 3 seconds ago",
        "a worker of inspect was rung 14 seconds ago",
    ]


def test_a_heart_that_stands_still_is_broken(settings: Settings) -> None:
    run_here(settings)
    beat("work", 3)
    beat("inspect", 61)
    found = list(work.check_queue())
    assert [finding.level for finding in found] == [Level.OK, Level.BROKEN]
    assert found[1].what == "no worker of inspect has been rung for 61 seconds"


def test_one_that_never_beat_is_broken_only_after_a_minute(settings: Settings) -> None:
    run_here(settings, minutes=0.5)
    assert levels(work.check_queue()) == [Level.WARNING]
    run_here(settings)
    assert levels(work.check_queue()) == [Level.BROKEN, Level.BROKEN]


def test_the_pid_file_of_a_dead_process_is_no_portal(settings: Settings) -> None:
    (settings.VAR_DIR / "run" / "work.pid").write_text(f"{2**22 + 1}\n")
    assert machine.running_here() == {}


def test_lateness_is_a_warning_first_and_broken_when_it_stays(settings: Settings) -> None:
    Chore.objects.update(run_after=None)  # They have been due since the test database was made, minutes ago perhaps.
    run_here(settings)
    mail = PlatformMail.objects.create(to="a@b.test", template="x", run_after=clock.now() - timedelta(minutes=1))
    assert levels(work.check_lateness()) == [Level.OK]
    for minutes, level in ((3, Level.WARNING), (31, Level.BROKEN)):
        PlatformMail.objects.filter(pk=mail.pk).update(run_after=clock.now() - timedelta(minutes=minutes))
        (found,) = work.check_lateness()
        assert (found.level, found.what) == (level, f"late: 1 platform_mail (for {minutes} min)")


def test_a_paused_portal_is_late_on_purpose(settings: Settings) -> None:
    run_here(settings)
    PlatformMail.objects.create(to="a@b.test", template="x", run_after=clock.now() - timedelta(hours=5))
    assert levels(work.check_pause()) == [Level.OK]
    Pause.objects.create(reason="restored")
    assert levels(work.check_lateness()) == [Level.WARNING]
    (found,) = work.check_pause()
    assert (found.level, found.todo) == (Level.WARNING, "When what is here is right: manage.py resume")


def test_the_key_is_tried_on_what_is_stored(settings: Settings) -> None:
    settings.SECRETS_ENCRYPTION_KEYS = (KEY,)
    PlatformMail.objects.create(to="a@b.test", template="x", sealed_context=Sealed.of("word"))
    assert levels(work.check_key()) == [Level.OK]
    settings.SECRETS_ENCRYPTION_KEYS = (OTHER, KEY)
    found = list(work.check_key())
    assert [finding.level for finding in found] == [Level.WARNING, Level.OK]
    assert found[0].todo == "manage.py rotate_encryption_key"
    settings.SECRETS_ENCRYPTION_KEYS = (OTHER,)
    found = list(work.check_key())
    assert found[0].level is Level.BROKEN
    assert found[0].what == "1 of 1 stored secrets open with none of the keys that are set"


def test_a_database_that_is_well_says_its_kind() -> None:
    (found,) = work.check_database()
    assert found.level is Level.OK
    assert found.what.split()[0] in ("sqlite", "postgresql")
    assert found.what.endswith(", migrated")


def test_a_heartbeat_from_the_future_tells_of_clocks() -> None:
    beat("work", -7)
    assert Level.WARNING in levels(work.check_clocks())
    Heartbeat.objects.update(at=clock.now() + timedelta(seconds=40))
    assert Level.BROKEN in levels(work.check_clocks())


# This machine


def test_files_that_others_may_read_are_told(settings: Settings) -> None:
    assert levels(machine.check_files())[-1] is Level.OK
    settings.VAR_DIR.chmod(0o750)
    found = [finding for finding in machine.check_files() if str(settings.VAR_DIR) in finding.todo]
    assert [finding.todo for finding in found] == [f"chmod go= {settings.VAR_DIR}"]


def test_settings_that_are_allowed_and_seldom_meant(settings: Settings) -> None:
    settings.DEBUG, settings.IS_HTTPS, settings.TRUSTED_PROXY_COUNT = True, True, 0
    told = " ".join(finding.what for finding in machine.check_settings() if finding.level is Level.WARNING)
    assert "DEBUG is on" in told
    assert "TRUSTED_PROXY_COUNT is 0" in told


def test_the_clock_check_claims_no_more_than_it_knows() -> None:
    (found,) = machine.check_clock()
    assert found.level in (Level.OK, Level.WARNING)
    assert "kernel" in found.what or "cannot be known" in found.what


@pytest.mark.parametrize(("seconds", "level"), [(4, None), (30, Level.WARNING), (90, Level.BROKEN)])
def test_the_authoritys_clock_is_compared(seconds: int, level: Level | None) -> None:
    date = (clock.now() - timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert levels(outside._clock_beside(date)) == ([level] if level else [])
    assert levels(outside._clock_beside("yesterday")) == []


# Outside


def test_ranges_that_open_the_machine_itself_are_told(settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = ()
    assert levels(outside.check_egress()) == [Level.OK]
    settings.EGRESS_ALLOW_CIDRS = (ip_network("10.1.0.0/16"),)
    assert levels(outside.check_egress()) == [Level.OK]
    settings.EGRESS_ALLOW_CIDRS = (ip_network("169.254.0.0/16"),)
    (found,) = outside.check_egress()
    assert (found.level, "opens 169.254.169.254:" in found.what) == (Level.WARNING, True)


def test_roots_that_cannot_be_read_are_broken(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text("no certificate")
    settings.TLS_EXTRA_CA_BUNDLE = str(tmp_path / "roots.pem")
    assert levels(outside.check_egress())[0] is Level.BROKEN
