"""The import rules of pyproject.toml hold, and they speak of every module that they must."""

import subprocess
import sys
import tomllib
from typing import Any

from tests.servers.places import ROOT

RULES: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
LAYERS = [name.strip(" ()") for layer in RULES["contracts"][0]["layers"] for name in layer.replace("|", ":").split(":")]


def test_the_rules_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert outcome.returncode == 0, outcome.stdout


def test_every_room_stands_in_the_list() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert rooms <= set(RULES["root_packages"])
    assert rooms - {"auditlog", "config"} <= set(LAYERS)


def test_every_module_of_auditlog_stands_in_the_list() -> None:
    """It has two places, below everybody and above everybody, so each module must say which is its own."""
    folder = ROOT / "auditlog"
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert {f"auditlog.{module}" for module in modules - {"__init__"}} <= set(LAYERS)
