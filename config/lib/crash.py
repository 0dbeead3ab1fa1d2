"""Named places at which a test may kill the program.

    crash_here("issue.after_new_order")

does nothing, unless the environment names that place in MMC_CRASH_AT, as `NAME` or `NAME:N`; then
the N-th pass (the first when no N is given) through it kills this whole program with SIGKILL: no
handler, no flush, no rollback, as a power cut does it. Several places are separated by commas.

Put a call between every remote act and the statement that persists its outcome, and after that
statement: `issue.*` in certificates, `deploy.*` in deploy, `close.*` where a workspace is deleted. A name
says what has just happened.
With MMC_CRASH_DIR set, a place kills once per directory: the restarted program passes it.
"""

import os
import signal
from pathlib import Path
from threading import Lock

_passes: dict[str, int] = {}
_lock = Lock()


def _wanted_pass(name: str) -> int | None:
    for entry in os.environ.get("MMC_CRASH_AT", "").split(","):
        place, _, number = entry.partition(":")
        if place == name:
            return int(number or 1)
    return None


def _is_first_kill(name: str) -> bool:
    directory = os.environ.get("MMC_CRASH_DIR")
    if not directory:
        return True
    try:
        (Path(directory) / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def crash_here(name: str) -> None:
    """Die here when a test asked for it; otherwise cost one look at the environment."""
    wanted = _wanted_pass(name) if "MMC_CRASH_AT" in os.environ else None
    if wanted is None:
        return
    with _lock:
        _passes[name] = _passes.get(name, 0) + 1
        passed = _passes[name]
    if passed == wanted and _is_first_kill(name):
        os.kill(os.getpid(), signal.SIGKILL)
