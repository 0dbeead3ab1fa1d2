"""The audit log as PDF, drawn page by page: a head with the filters, lines in columns, totals, daily heads."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO
from zoneinfo import ZoneInfo

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from accounts.models import Workspace
from auditlog.pages.changes import changes_of
from auditlog.pages.feed import Line, count_lines, each_line
from auditlog.pages.heads import daily_heads
from auditlog.pages.typesetting import BOLD, LEADING, PLAIN, SIZE, printable, set_lines
from auditlog.pages.wanted import SEVERITIES, Wanted
from config.lib import clock

MOST = 50_000
WIDTH, HEIGHT = landscape(A4)
MARGIN = 34.0
TOP, BOTTOM = HEIGHT - MARGIN, MARGIN + 16
GAP = 8.0
# One cell never fills a page: the CSV has the whole of it.
MOST_CELL_LINES = 14
KINDS_SHOWN = 20
TINT, LINE_GREY, SOFT = 0.95, 0.8, 0.35


@dataclass(frozen=True)
class Column:
    title: str
    left: float
    width: float


def _columns(*shares: tuple[str, float]) -> tuple[Column, ...]:
    usable = WIDTH - 2 * MARGIN - GAP * (len(shares) - 1)
    columns, left = [], MARGIN
    for title, share in shares:
        columns.append(Column(title, left, usable * share))
        left += usable * share + GAP
    return tuple(columns)


LINES = _columns(
    ("Time", 0.11), ("Severity", 0.06), ("Kind", 0.14), ("Who, from where", 0.16), ("Domain", 0.15), ("What", 0.38)
)
TOTALS = _columns(("Of which", 0.25), ("Lines", 0.1))
HEADS = _columns(("Day (UTC)", 0.15), ("Last event", 0.1), ("Hash of the chain up to it", 0.75))


@dataclass
class Paper:
    """A canvas, and how far down its page is filled. `title` stands small on every page."""

    canvas: Canvas
    title: str
    columns: Sequence[Column] = ()
    y: float = TOP
    number: int = 1
    counts: Counter[str] = field(default_factory=Counter)

    def turn(self) -> None:
        """End the page; the next one begins with the head of the same columns."""
        self.end_page()
        self.y = TOP
        self.number += 1
        self._head_of_columns()

    def end_page(self) -> None:
        self.canvas.setFillGray(SOFT)
        self.canvas.setFont(PLAIN, SIZE)
        self.canvas.drawString(MARGIN, MARGIN, self.title)
        self.canvas.drawRightString(WIDTH - MARGIN, MARGIN, f"Page {self.number}")
        self.canvas.showPage()

    def begin(self, columns: Sequence[Column], heading: str = "") -> None:
        """A table, under its heading; on a new page when there is hardly room for a row."""
        self.columns = ()
        if self.y - 6 * LEADING < BOTTOM:
            self.turn()
        if heading:
            self.y -= LEADING
            self.text(heading, BOLD, 10)
        self.columns = columns
        self._head_of_columns()

    def text(self, words: str, font: str = PLAIN, size: float = SIZE) -> None:
        """A paragraph over the whole width."""
        for line in set_lines(words, font, size, WIDTH - 2 * MARGIN):
            if self.y - size < BOTTOM:
                self.turn()
            self.canvas.setFillGray(0)
            self.canvas.setFont(font, size)
            self.canvas.drawString(MARGIN, self.y - size, line)
            self.y -= size * 1.4

    def row(self, *cells: str, is_tinted: bool = False) -> None:
        """One row, its cells wrapped; never cut by a page's end."""
        wrapped = [
            set_lines(cell, PLAIN, SIZE, column.width, MOST_CELL_LINES)
            for cell, column in zip(cells, self.columns, strict=True)
        ]
        height = max(map(len, wrapped)) * LEADING + 4
        if self.y - height < BOTTOM:
            self.turn()
        if is_tinted:
            self.canvas.setFillGray(TINT)
            self.canvas.rect(MARGIN - 3, self.y - height, WIDTH - 2 * MARGIN + 6, height, stroke=0, fill=1)
        # All of a row in one text object: one for each line takes half as long again.
        text = self.canvas.beginText()
        text.setFillGray(0)
        text.setFont(PLAIN, SIZE)
        for lines, column in zip(wrapped, self.columns, strict=True):
            for place, line in enumerate(lines):
                text.setTextOrigin(column.left, self.y - 2 - SIZE - place * LEADING)
                text.textOut(line)
        self.canvas.drawText(text)
        self.y -= height

    def _head_of_columns(self) -> None:
        if not self.columns:
            return
        self.canvas.setFillGray(SOFT)
        self.canvas.setFont(BOLD, SIZE)
        for column in self.columns:
            self.canvas.drawString(column.left, self.y - SIZE, column.title)
        self.y -= LEADING + 2
        self.canvas.setStrokeGray(LINE_GREY)
        self.canvas.line(MARGIN - 3, self.y, WIDTH - MARGIN + 3, self.y)


def write_pdf(workspace: Workspace, wanted: Wanted, filters: str, by: str, *, most: int = MOST) -> IO[bytes]:
    """A temporary file, at its beginning; blocks for some seconds per ten thousand lines.

    `filters` are the wanted ones in words, `by` is who exports; the newest `most` lines are drawn.
    """
    written = tempfile.TemporaryFile()  # noqa: SIM115  (whoever sends it closes it)
    title = printable(f"Audit log of {workspace.name}")
    canvas = Canvas(written, pagesize=(WIDTH, HEIGHT), pageCompression=1)
    canvas.setTitle(title)
    canvas.setAuthor(printable(by))
    paper = Paper(canvas, title)
    paper.text(title, BOLD, 15)
    paper.text(f"Exported {clock.now():%Y-%m-%d %H:%M} UTC by {by}. Times below are those of {workspace.time_zone}.")
    paper.text(f"Filters: {filters}. What the font cannot show is written by its number, such as <U+0416>.")
    _write_count(paper, count_lines(workspace, wanted, most + 1), most)
    paper.begin(LINES)
    for number, line in enumerate(each_line(workspace, wanted, most)):
        paper.row(*_cells(line, ZoneInfo(workspace.time_zone)), is_tinted=bool(number % 2))
        paper.counts.update((line.severity, line.kind))
    _write_totals(paper)
    _write_heads(paper, workspace, wanted)
    paper.end_page()
    canvas.save()
    written.seek(0)
    return written


def _write_count(paper: Paper, count: int, most: int) -> None:
    if count > most:
        paper.text(
            f"More than {most:,} lines match. This document holds the newest {most:,} of them; "
            "narrow the filters, or take the CSV, which holds all.",
            BOLD,
        )
    else:
        paper.text(f"Lines: {count:,}, the newest first.")
    paper.y -= LEADING


def _cells(line: Line, zone: ZoneInfo) -> tuple[str, ...]:
    at = line.at.astimezone(zone)
    what = "\n".join((line.what, *map(str, changes_of(line.data))))
    who = f"{line.who}\n{line.ip}" if line.ip else line.who
    return f"{at:%Y-%m-%d %H:%M:%S}", line.severity, line.kind, who, line.domain, what


def _write_totals(paper: Paper) -> None:
    paper.begin(TOTALS, "Totals")
    paper.row("All lines in this document", f"{sum(paper.counts[name] for name in SEVERITIES):,}")
    for name in SEVERITIES:
        paper.row(f"Severity {name}", f"{paper.counts[name]:,}")
    kinds = Counter({kind: count for kind, count in paper.counts.items() if kind not in SEVERITIES})
    for kind, count in kinds.most_common(KINDS_SHOWN):
        paper.row(kind, f"{count:,}")
    if len(kinds) > KINDS_SHOWN:
        paper.row(f"{len(kinds) - KINDS_SHOWN} more kinds", f"{sum(sorted(kinds.values())[:-KINDS_SHOWN]):,}")


def _write_heads(paper: Paper, workspace: Workspace, wanted: Wanted) -> None:
    heads = daily_heads(workspace.pk, wanted)
    if not heads:
        return
    paper.begin(HEADS, "Daily heads of the chain")
    for head in heads:
        paper.row(f"{head.sealed_at:%Y-%m-%d}", str(head.number), head.hash)
    paper.columns = ()
    paper.text(f"To check one: manage.py verify_audit --workspace {workspace.pk} --head NUMBER:HASH")
