"""Text for paper: what the font can show, in lines of a given width.

Texts come from strangers' servers. They are drawn as they are, never read as markup; what the font has no glyph for,
and what is made to deceive the eye, such as a change of the reading direction, is shown by its number.
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PLAIN, BOLD = "Vera", "VeraBd"
SIZE, LEADING = 7.0, 9.0
ELLIPSIS = "…"

_INSTEAD = {"\n": "\n", "\t": " ", "→": "->"}

for _name in (PLAIN, BOLD):
    # They come with reportlab; embedded, so that the document looks the same everywhere and in ten years.
    pdfmetrics.registerFont(TTFont(_name, f"{_name}.ttf"))


def printable(text: str) -> str:
    """The text with `<U+0416>` in the place of what cannot be shown; lines stay lines."""
    return "".join(map(_shown, text))


@lru_cache(maxsize=4096)
def _shown(char: str) -> str:
    if char in _INSTEAD:
        return _INSTEAD[char]
    is_plain = unicodedata.category(char)[0] not in "CZ" or char == " "
    return char if is_plain and _width_of(char, PLAIN) is not None else f"<U+{ord(char):04X}>"


@lru_cache(maxsize=8192)
def _width_of(char: str, font: str) -> float | None:
    """For size 1; None: the font has no glyph for it."""
    face = pdfmetrics.getFont(font).face
    if ord(char) not in face.charToGlyph:
        return None
    return float(face.charWidths[ord(char)]) / 1000


@lru_cache(maxsize=4096)
def set_lines(text: str, font: str, size: float, width: float, most: int = 10_000) -> Sequence[str]:
    """In lines no wider than `width` points, broken between words where it can be; `most` lines, then an ellipsis."""
    lines: list[str] = []
    for paragraph in printable(text).split("\n"):
        lines += _wrap(paragraph, font, width / size)
        if len(lines) > most:
            return [*lines[: most - 1], lines[most - 1].rstrip()[:-1] + ELLIPSIS]
    return lines


def _wrap(paragraph: str, font: str, width: float) -> list[str]:
    lines, start, used, gap = [], 0, 0.0, -1
    for at, char in enumerate(paragraph):
        step = _width_of(char, font) or 0.0
        if used + step > width and at > start:
            end = gap + 1 if gap >= start else at
            lines.append(paragraph[start:end].rstrip())
            used = sum(_width_of(each, font) or 0.0 for each in paragraph[end:at])
            start = end
        used += step
        if char in " /.,-:@":
            gap = at
    return [*lines, paragraph[start:]]
