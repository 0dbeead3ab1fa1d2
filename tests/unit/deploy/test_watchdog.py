"""The thread that closes transports in time: what goes wrong with one ends no other's watch."""

import threading

import paramiko
import pytest

from deploy.ssh.watchdog import Watchdog

WITHIN = 10.0


class Line:
    """A transport that tells when it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


class Stubborn(Watchdog):
    """Fires as on a machine that has no thread left, as often as it is told to."""

    def __init__(self, line: Line, *, failures: int) -> None:
        super().__init__(as_transport(line), 0)
        self.failures = failures
        self.has_failed = threading.Event()

    def fire(self) -> None:
        if self.failures:
            self.failures -= 1
            self.has_failed.set()
            raise RuntimeError("can't start new thread")
        super().fire()


def as_transport(line: Line) -> paramiko.Transport:
    return line  # type: ignore[return-value]


def test_a_line_is_closed_when_its_time_is_over() -> None:
    line = Line()
    with Watchdog(as_transport(line), 0) as watchdog:
        assert line.closed.wait(WITHIN)
    assert watchdog.has_fired


def test_where_no_thread_can_be_begun_it_is_tried_again_and_all_others_are_watched(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line, other = Line(), Line()
    with Stubborn(line, failures=1) as first:
        assert first.has_failed.wait(WITHIN)
        with Watchdog(as_transport(other), 0):
            assert other.closed.wait(WITHIN), "the only watcher is still there"
        assert line.closed.wait(WITHIN), "it is tried again"
    assert "ssh.watchdog_failed" in caplog.text
