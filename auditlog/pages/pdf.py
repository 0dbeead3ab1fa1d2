"""Pages of a log, drawn line by line: no markup is ever read, so no text can be any."""

from collections.abc import Sequence
from functools import cache
from typing import IO

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

PAGE = landscape(A4)
MARGIN, LINE, SIZE = 36.0, 11.0, 8.0
PLAIN, BOLD = "Vera", "VeraBd"
# Where each column begins, and how wide the texts are that wrap.
AT, SEVERITY, WHAT, WHO = MARGIN, MARGIN + 108, MARGIN + 158, MARGIN + 590
WHAT_WIDTH, WHO_WIDTH = 420.0, PAGE[0] - MARGIN - WHO
MOST_LINES = 12


@cache
def _fonts() -> TTFont:
    """Those that reportlab brings along."""
    plain = TTFont(PLAIN, "Vera.ttf")
    pdfmetrics.registerFont(plain)
    pdfmetrics.registerFont(TTFont(BOLD, "VeraBd.ttf"))
    return plain


def printable(text: str) -> str:
    """What the font cannot draw is written as its number, so that nothing is lost or passed over."""
    known = _fonts().face.charToGlyph
    drawn = (
        one if ord(one) in known and one.isprintable() else one.encode("ascii", "backslashreplace").decode()
        for one in text
    )
    return "".join(drawn)


class Paper:
    """Rows one after the other; each page has the head and its number."""

    def __init__(self, file: IO[bytes], *, title: str, head: Sequence[str]) -> None:
        _fonts()
        self._canvas = Canvas(file, pagesize=PAGE, pageCompression=1)
        self._canvas.setTitle(printable(title))
        self._title, self._head = title, head
        self._number = 0
        self._y = 0.0
        self._begin()

    def add(self, at: str, severity: str, what: str, who: str) -> None:
        """One row; a text of unreasonable length is cut, and says so."""
        columns = [_wrapped(what, WHAT_WIDTH), _wrapped(who, WHO_WIDTH)]
        height = max(map(len, columns))
        if self._y - height * LINE < MARGIN + LINE:
            self._end()
            self._begin()
        self._write(AT, self._y, at)
        self._write(SEVERITY, self._y, severity, BOLD if severity != "info" else PLAIN)
        for x, lines in zip((WHAT, WHO), columns, strict=True):
            for offset, line in enumerate(lines):
                self._write(x, self._y - offset * LINE, line)
        self._y -= height * LINE + 2

    def close(self, end: Sequence[str]) -> None:
        """The totals, and the file is whole."""
        if self._y - (len(end) + 1) * LINE < MARGIN + LINE:
            self._end()
            self._begin()
        for line in end:
            self._y -= LINE
            self._write(AT, self._y, printable(line), BOLD)
        self._end()
        self._canvas.save()

    def _begin(self) -> None:
        self._number += 1
        top = PAGE[1] - MARGIN
        self._write(AT, top, printable(self._title), BOLD, 12)
        for offset, line in enumerate(self._head, start=1):
            for more, part in enumerate(_wrapped(line, PAGE[0] - 2 * MARGIN)[:2]):
                self._write(AT, top - (offset + more) * LINE - 4, part)
        y = top - (len(self._head) + 3) * LINE
        for x, word in ((AT, "Time"), (SEVERITY, "Severity"), (WHAT, "What"), (WHO, "Who and from where")):
            self._write(x, y, word, BOLD)
        self._canvas.line(MARGIN, y - 4, PAGE[0] - MARGIN, y - 4)
        self._y = y - 2 * LINE + 4

    def _end(self) -> None:
        self._write(AT, MARGIN - 8, f"Page {self._number}")
        self._canvas.showPage()

    def _write(self, x: float, y: float, text: str, font: str = PLAIN, size: float = SIZE) -> None:
        self._canvas.setFont(font, size)
        self._canvas.drawString(x, y, text)


def _wrapped(text: str, width: float) -> list[str]:
    """Lines that fit; also a word without spaces is broken."""
    lines: list[str] = []
    for line in simpleSplit(printable(text), PLAIN, SIZE, width):
        lines += _broken(line, width)
    return [*lines[: MOST_LINES - 1], "…"] if len(lines) > MOST_LINES else lines or [""]


def _broken(line: str, width: float) -> list[str]:
    parts: list[str] = []
    while line and pdfmetrics.stringWidth(line, PLAIN, SIZE) > width and len(parts) < MOST_LINES:
        fits = int(len(line) * width / pdfmetrics.stringWidth(line, PLAIN, SIZE)) or 1
        while fits > 1 and pdfmetrics.stringWidth(line[:fits], PLAIN, SIZE) > width:
            fits -= 1
        parts.append(line[:fits])
        line = line[fits:]
    return [*parts, line]
