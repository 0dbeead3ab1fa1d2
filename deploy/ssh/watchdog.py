"""Closes a transport when its time is over, whatever the library is waiting for.

One thread watches for all of the process: every call over SFTP is bounded, and a thread for each costs as much as
the call does.
"""

import logging
import math
import os
import threading
import time
from typing import Self

import paramiko

log = logging.getLogger("ssh")
# A machine without a free thread is asked again.
AGAIN_SECONDS = 1.0


class Watchdog:
    """Closes `transport` after `seconds`, unless the block has ended by then."""

    def __init__(self, transport: paramiko.Transport, seconds: float) -> None:
        self._transport = transport
        self._seconds = seconds
        self.ends_at = math.inf
        self.has_fired = False

    def fire(self) -> None:
        """Closing waits for the transport's own thread, so that it is not done in the thread that watches all."""
        self.has_fired = True
        threading.Thread(target=self._transport.close, daemon=True).start()

    def __enter__(self) -> Self:
        self.ends_at = time.monotonic() + self._seconds
        _watch.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        _watch.remove(self)


class _Watch:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[Watchdog] = set()
        self._wakes_at = math.inf
        self._is_running = False

    def add(self, one: Watchdog) -> None:
        with self._changed:
            self._watched.add(one)
            if not self._is_running:
                threading.Thread(target=self._run, name="ssh-watchdog", daemon=True).start()
                self._is_running = True
            elif one.ends_at < self._wakes_at:
                self._changed.notify()

    def remove(self, one: Watchdog) -> None:
        # It may wake in vain then, once; to tell it would cost more.
        with self._changed:
            self._watched.discard(one)

    def _run(self) -> None:
        with self._changed:
            try:
                while True:
                    self._fire_what_is_over(time.monotonic())
            finally:  # The next one that is added begins another watch.
                self._is_running = False

    def _fire_what_is_over(self, now: float) -> None:
        for one in [each for each in self._watched if each.ends_at <= now]:
            self._watched.discard(one)
            try:
                one.fire()
            except Exception:  # Where no thread can be begun, all the others are watched still.
                log.exception("ssh.watchdog_failed")
                one.ends_at = now + AGAIN_SECONDS
                self._watched.add(one)
        self._wakes_at = min((each.ends_at for each in self._watched), default=math.inf)
        self._changed.wait(None if self._wakes_at == math.inf else self._wakes_at - now)


_watch = _Watch()


def _begin_anew() -> None:
    global _watch
    _watch = _Watch()


os.register_at_fork(after_in_child=_begin_anew)
