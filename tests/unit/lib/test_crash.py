"""A crash point kills at the named place and pass, once, and otherwise does nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_WALK = """
from config.lib.crash import crash_here
for number in range(3):
    print(number, flush=True)
    crash_here("issue.after_new_order")
"""


def _walk(**environment: str) -> tuple[int, list[str]]:
    answer = subprocess.run(
        [sys.executable, "-c", _WALK],
        env={"PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
    )
    return answer.returncode, answer.stdout.split()


def test_nothing_happens_unless_asked() -> None:
    assert _walk() == (0, ["0", "1", "2"])
    assert _walk(MMC_CRASH_AT="issue.after_finalize") == (0, ["0", "1", "2"])


@pytest.mark.parametrize(
    ("place", "seen"),
    [("issue.after_new_order", ["0"]), ("issue.after_new_order:3", ["0", "1", "2"])],
)
def test_the_named_pass_kills_for_good(place: str, seen: list[str]) -> None:
    assert _walk(MMC_CRASH_AT=f"deploy.after_upload,{place}") == (-signal.SIGKILL, seen)


def test_a_place_kills_once_per_directory(tmp_path: Path) -> None:
    settings = {"MMC_CRASH_AT": "issue.after_new_order", "MMC_CRASH_DIR": str(tmp_path)}
    assert _walk(**settings)[0] == -signal.SIGKILL
    assert _walk(**settings)[0] == 0
