"""Small functions and files, and a report of the largest."""

import ast
import statistics
from collections.abc import Iterator

from tests.architecture.sources import files, name, parsed

FILE_CAP = 400
FUNCTION_CAP = 40
MEDIAN_CAP = 10
# Path, or path:function, and why splitting it would make it worse.
EXEMPT: dict[str, str] = {
    "config/styleguide.py:_runs": "one long literal: the sample trail that the style guide draws",
}


def functions() -> Iterator[tuple[int, str]]:
    """(lines, where) of every function; its decorators and what is nested in it count."""
    for path in files(
        "accounts", "auditlog", "billing", "certificates", "config", "deploy", "domains", "notifications"
    ):
        for node in ast.walk(parsed(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno
                yield node.end_lineno - node.lineno + 1, f"{name(path)}:{node.name}"


def lengths() -> Iterator[tuple[int, str]]:
    for path in files():
        yield path.read_text(encoding="utf-8").count("\n"), name(path)


def report(rows: Iterator[tuple[int, str]], cap: int) -> list[str]:
    return [f"{lines} {where}" for lines, where in sorted(rows, reverse=True) if lines > cap and where not in EXEMPT]


def test_no_function_is_too_long() -> None:
    assert report(functions(), FUNCTION_CAP) == []


def test_no_file_is_too_long() -> None:
    assert report(lengths(), FILE_CAP) == []


def test_the_median_function_is_short() -> None:
    found = [lines for lines, _ in functions()]
    median = statistics.median(found)
    print(f"\n{len(found)} functions, median {median}, longest {sorted(functions(), reverse=True)[:5]}")
    assert median < MEDIAN_CAP


def test_every_exemption_is_needed() -> None:
    over = {where for lines, where in functions() if lines > FUNCTION_CAP}
    over |= {where for lines, where in lengths() if lines > FILE_CAP}
    assert sorted(set(EXEMPT) - over) == []
