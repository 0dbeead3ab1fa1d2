"""What a check finds, and running checks so that none of them can hang or take the others down."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db import DatabaseError, connections

from config.lib.errors import ExpectedError, describe
from config.lib.redact import redact


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """What is so, and what to do about it where something is to be done."""

    level: Level
    what: str
    todo: str = ""


type Check = Callable[[], Iterable[Finding]]


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def warning(what: str, todo: str) -> Finding:
    return Finding(Level.WARNING, what, todo)


def broken(what: str, todo: str) -> Finding:
    return Finding(Level.BROKEN, what, todo)


def run_check(check: Check, *, seconds: float) -> list[Finding]:
    """What it finds within `seconds`; a check that takes longer, or fails itself, is a finding too. Blocks."""
    found: list[Finding] = []
    worker = threading.Thread(target=_run, args=(check, found), daemon=True)
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        todo = "Something behind it does not answer; what it had said by then stands above."
        return [*found, broken(f"the check did not end within {seconds:g} seconds", todo)]
    return found


def _run(check: Check, found: list[Finding]) -> None:
    try:
        # One after the other, so that what was found before a failure stays.
        found.extend(Finding(one.level, redact(one.what), redact(one.todo)) for one in check())
    except DatabaseError as error:
        words = redact(" ".join(str(error).split()))
        found.append(broken(f"the database does not answer: {words}", "Check DATABASE_URL and the server."))
    except ExpectedError as error:
        found.append(worded(error))
    except Exception as error:  # noqa: BLE001  (the other checks must be told all the same)
        words = redact(f"{type(error).__name__}: {error}")
        found.append(broken(f"the check itself failed: {words}", "Report this; the other lines stand."))
    finally:
        connections.close_all()


def worded(error: ExpectedError, *names: str) -> Finding:
    """An error of the catalogue in its own words, and the settings that it may be about."""
    words = describe(error.code, error.params)
    todo = f"{words.fix} See {' and '.join(names)}." if names else words.fix
    return broken(". ".join(text.rstrip(".") for text in (words.title, words.why) if text), todo)
