"""The portal's own Python files and their syntax."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.servers.places import ROOT

ROOMS = ("accounts", "auditlog", "billing", "certificates", "config", "deploy", "domains", "notifications")


def files(*folders: str) -> Iterator[Path]:
    """Every module below `folders`, the rooms by default, without migrations."""
    for folder in folders or ROOMS:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    """The last part of what is called: `f` in `a.b.f()`."""
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))
