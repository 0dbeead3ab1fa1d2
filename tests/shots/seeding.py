"""Plants the sample rows into a running portal's database, by a process of the portal's own."""

import json
import subprocess
import sys
from typing import Any

from tests.demo.habitat import Habitat
from tests.servers.places import ROOT


def seed(around: Habitat, workspace_id: str, *, with_people: bool = False, with_alerts: bool = False) -> dict[str, Any]:
    """Ids of the sample domains by name, and the address of a member; people are planted in one workspace at most."""
    more = [*(["with-people"] if with_people else []), *(["with-alerts"] if with_alerts else [])]
    answer = subprocess.run(
        [sys.executable, "-m", "tests.shots.seed", workspace_id, *more],
        cwd=ROOT,
        env={**around.portal.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(answer.stdout.splitlines()[-1]))
