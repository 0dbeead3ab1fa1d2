"""What the demo prints: calm lines with times; plain when nobody watches a terminal."""

import os
import sys
import time


class Screen:
    """Lines of `elapsed  mark  what  detail`. On a terminal the running step is shown and then replaced."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb"
        self._has_colour = self._is_terminal and "NO_COLOR" not in os.environ

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._has_colour else text

    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def write(self, text: str = "") -> None:
        print(text, flush=True)

    def title(self, text: str, aside: str = "") -> None:
        self.write(f"\n  {self._paint(text, '1')}{'   ' + self._paint(aside, '2') if aside else ''}\n")

    def running(self, what: str) -> None:
        if self._is_terminal:
            self.clear()
            print(f"  {self.elapsed():6.1f} s  {self._paint('·', '33')} {what} …", end="", flush=True)

    def clear(self) -> None:
        """Take the running step off the screen."""
        if self._is_terminal:
            print("\r\033[K", end="", flush=True)

    def done(self, what: str, detail: str) -> None:
        self.clear()
        mark = self._paint("✓", "32")
        self.write(f"  {self.elapsed():6.1f} s  {mark} {what:<40} {self._paint(detail, '2')}".rstrip())

    def failed(self, what: str, why: str) -> None:
        self.clear()
        self.write(f"  {self.elapsed():6.1f} s  {self._paint('✗', '31')} {what}")
        for line in why.splitlines():
            self.write(f"              {line}")

    def fact(self, name: str, value: str) -> None:
        self.write(f"    {self._paint(f'{name:<12}', '2')} {value}")
