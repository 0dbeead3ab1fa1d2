"""var/scorecard.json: what the long tier has shown, one row per claim."""

import json
from pathlib import Path

from tests.servers.places import ROOT

PATH = ROOT / "var" / "scorecard.json"


def score(key: str, *, name: str, value: object, target: str, passed: bool, how: str, path: Path = PATH) -> None:
    """Write or replace the row of one claim."""
    rows = json.loads(path.read_text()) if path.is_file() else []
    row = {"id": key, "name": name, "value": value, "target": target, "pass": passed, "how": how}
    rows = [other for other in rows if other["id"] != key] + [row]
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
