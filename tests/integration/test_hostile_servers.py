"""More than seventy hostile servers in one round of visits. In `make test`.

Each ends within its deadline with its own outcome, all together cost at most 20 MB, and the worker goes on.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.corpus.hostile import HOSTILE, Hostile
from tests.corpus.manners import GOOD
from tests.corpus.serving import served, speaks
from tests.servers.places import ROOT

TLS_SECONDS, HTTP_SECONDS = 2.0, 1.5
SLACK = 1.0
GROWTH_KB = 20 * 1024


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with served([speaks(GOOD), *(one.serve for one in HOSTILE.values())]) as (good, *ports):
        order = {
            "good": good,
            "hostile": [[port, one.protocol] for port, one in zip(ports, HOSTILE.values(), strict=True)],
            "tls_seconds": TLS_SECONDS,
            "http_seconds": HTTP_SECONDS,
        }
        run = subprocess.run(
            [sys.executable, "-m", "tests.corpus.visitor"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "VAR_DIR": str(tmp_path_factory.mktemp("visitor")),
            },
        )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def _limit(hostile: Hostile) -> float:
    """What one visit may take: the page, or the words before TLS, have their time besides the handshake's."""
    return TLS_SECONDS + HTTP_SECONDS if hostile.protocol != "tls" or not hostile.outcome else TLS_SECONDS


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_server_is_left_in_time_with_its_outcome(title: str, answer: dict[str, Any]) -> None:
    hostile = HOSTILE[title]
    seen = answer["seen"][list(HOSTILE).index(title)]
    assert (seen["outcome"], seen["status"]) == (hostile.outcome, hostile.status)
    assert (seen["milliseconds"] + seen["page_milliseconds"]) / 1000 < _limit(hostile) + SLACK


def test_all_of_them_together_take_as_long_as_the_slowest(answer: dict[str, Any]) -> None:
    assert answer["seconds"] < TLS_SECONDS + HTTP_SECONDS + SLACK


def test_all_of_them_together_cost_little_memory(answer: dict[str, Any]) -> None:
    assert 0 <= answer["grown_kb"] < GROWTH_KB


def test_the_worker_goes_on_afterwards(answer: dict[str, Any]) -> None:
    assert answer["afterwards"] == ""


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 40
