"""The audit log as CSV: every line, then the daily heads of the chain."""

import json
from collections.abc import Iterator

from accounts.models import Workspace
from auditlog.pages.changes import changes_of, rest_of
from auditlog.pages.feed import Line, each_line
from auditlog.pages.heads import DayHead, daily_heads
from auditlog.pages.wanted import Wanted
from config.lib.spreadsheets import csv_lines

COLUMNS = (
    *("time", "kind", "severity", "what", "who", "who_kind", "from", "domain", "before_after", "data"),
    *("domain_id", "run_id", "id", "number", "hash"),
)
HEAD_KIND = "chain.head"


def write_csv(workspace: Workspace, wanted: Wanted) -> Iterator[str]:
    """Piece by piece; memory does not grow with the number of lines."""
    return csv_lines(COLUMNS, _rows(workspace, wanted))


def _rows(workspace: Workspace, wanted: Wanted) -> Iterator[tuple[object, ...]]:
    for line in each_line(workspace, wanted):
        yield _cells(line)
    for head in daily_heads(workspace.pk, wanted):
        yield _head_cells(head)


def _cells(line: Line) -> tuple[object, ...]:
    ids = (line.domain_id or "", line.run_id or "", line.key)
    changed = "; ".join(map(str, changes_of(line.data)))
    rest = json.dumps(rest_of(line.data), ensure_ascii=False, sort_keys=True) if line.data else ""
    told = (line.what, line.who, line.who_kind, line.ip or "", line.domain, changed, rest)
    return (line.at.isoformat(), line.kind, line.severity, *told, *ids, line.number or "", line.hash)


def _head_cells(head: DayHead) -> tuple[object, ...]:
    blank = [""] * 9
    return (head.sealed_at.isoformat(), HEAD_KIND, "info", head.words, *blank, head.number, head.hash)
