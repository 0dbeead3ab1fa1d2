"""kill -9 of the worker at every named place of issue and deploy: nothing lost, nothing twice, and it ends well."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.proof.scorecard import score
from tests.servers.places import ROOT

ROOMS = ("certificates", "deploy")
# Each walk mostly waits for a lease to run out; more at once than this and two cores are too few.
AT_ONCE = 4


def crash_points() -> list[str]:
    """Every place that the code names, in the order of the source."""
    found = [
        name
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for name in re.findall(r'crash_here\("([a-z._]+)"\)', path.read_text())
    ]
    return list(dict.fromkeys(found))


# Renewals, revocations and accounts have kills of their own in tests/integration.
WALKED = ("issue.", "deploy.")
# On the way back, when a deployment made it worse, and at a workspace's end: tests/integration kill there.
OFF_THE_WALK = frozenset(
    {
        *("deploy.going_back", "deploy.put_back", "close.account_deactivated"),
        # Where the portal publishes by itself; the walk publishes by hand.
        *("issue.presented", "issue.values_served", "issue.values_removed"),
        *("issue.records_noted", "issue.records_made", "issue.records_removed"),
    }
)


def _walk(places: str) -> tuple[str, dict[str, object]]:
    command = [sys.executable, "-m", "tests.proof.killed_walk", places]
    answer = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    if answer.returncode:
        return places, {"error": answer.stderr.strip().splitlines()[-1:] or answer.stdout}
    return places, dict(json.loads(answer.stdout.strip().splitlines()[-1]))


def _is_good(places: str, outcome: dict[str, object]) -> bool:
    return (
        outcome.get("killed_at") == sorted(places.split(","))
        and outcome.get("certificates") == 1
        and outcome.get("is_served") is True
    )


@pytest.mark.proof
def test_there_are_enough_places() -> None:
    points = crash_points()
    assert len([point for point in points if point.startswith("issue.")]) >= 6
    assert len([point for point in points if point.startswith("deploy.")]) >= 4


def _bad_walks(points: list[str]) -> dict[str, dict[str, object]]:
    """Walk once per place, several at a time; the outcomes of those that did not end well."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = dict(pool.map(_walk, points))
    return {place: outcome for place, outcome in outcomes.items() if not _is_good(place, outcome)}


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_a_worker_killed_anywhere_loses_nothing() -> None:
    points = [point for point in crash_points() if point.startswith(WALKED) and point not in OFF_THE_WALK]
    bad = _bad_walks(points)
    score(
        "kill-points",
        name="worker killed at a named place: no lost key, no second certificate, the walk completes",
        value=f"{len(points) - len(bad)} of {len(points)}",
        target=f"{len(points)} of {len(points)}, at least 10",
        passed=not bad and len(points) >= 10,
        how="make proof; tests/proof/test_kill_points.py",
    )
    assert not bad
    assert len(points) >= 10
