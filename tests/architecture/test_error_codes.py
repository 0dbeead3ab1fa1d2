"""Every code that somebody may see is worded, documented and used."""

import ast
import re
import string
from collections.abc import Iterator
from typing import Any, TypeGuard

import pytest

from config.lib.error_docs import error_docs
from config.lib.errors import Entry, catalogue
from tests.architecture.sources import called, calls, files, name, parsed
from tests.servers.places import ROOT

# Which argument of these is a code: its position, and its name when it is given by one.
RAISERS = {
    **dict.fromkeys(("ExpectedError", "NeedsUser", "Permanent", "Transient", "Refused", "Unreachable"), 0),
    "Problem": 1,
}
KEYWORDS = frozenset({"code", "error_code"})
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
ENTRIES: dict[str, Entry] = {code: catalogue.get(code) for code in catalogue.keys()}  # noqa: SIM118  (a registry)


def raised() -> Iterator[tuple[str, str]]:
    """(code, where) for each code that is raised by literal."""
    for path in files():
        for call in calls(parsed(path)):
            for node in _codes_in(call):
                yield str(node.value), f"{name(path)}:{node.lineno}"


def _codes_in(call: ast.Call) -> Iterator[ast.Constant]:
    position = RAISERS.get(called(call))
    given = call.args[position : position + 1] if position is not None else []
    if position is not None or called(call) in ("open_finding", "close_finding"):
        given = [*given, *(word.value for word in call.keywords if word.arg in KEYWORDS)]
    for argument in given:
        yield from _literals(argument)


def _literals(node: ast.expr) -> Iterator[ast.Constant]:
    """The literal itself, or both outcomes of `a if … else b`; a code that is computed is not seen."""
    if isinstance(node, ast.IfExp):
        yield from (*_literals(node.body), *_literals(node.orelse))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node


def test_every_raised_code_is_worded() -> None:
    assert sorted({f"{code} ({where})" for code, where in raised() if code not in ENTRIES}) == []


def test_every_worded_code_is_used() -> None:
    nodes = [node for path in files() if path.name != "catalogue.py" for node in ast.walk(parsed(path))]
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    # f"chain_{code}" uses chain_expired when expired is a word.
    heads = {str(node.values[0].value) for node in nodes if _starts_with_text(node)}
    built = {head + word for head in heads if head.endswith("_") for word in words}
    assert sorted(set(ENTRIES) - words - built) == []


def _starts_with_text(node: ast.AST) -> TypeGuard[Any]:
    return isinstance(node, ast.JoinedStr) and bool(node.values) and isinstance(node.values[0], ast.Constant)


@pytest.mark.parametrize("code", ENTRIES)
def test_a_code_says_what_why_and_what_to_do(code: str) -> None:
    entry = ENTRIES[code]
    assert CODE.fullmatch(code)
    for text in (entry.title, entry.why, entry.fix):
        assert text.strip() == text != ""
    assert entry.paste or not entry.fix.endswith(":")
    for text in (entry.title, entry.why, entry.fix, entry.paste):
        fields = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
        assert all(field.isidentifier() for field in fields), fields


def test_the_page_of_errors_is_up_to_date() -> None:
    """`manage.py write_error_docs` writes it anew."""
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == error_docs(ENTRIES)
