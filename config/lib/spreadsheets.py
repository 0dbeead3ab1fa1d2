"""CSV for people who open it in a spreadsheet, which takes some texts for formulas and runs them."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

# What a spreadsheet begins a formula with, half and full width, and what makes it look at the next character instead.
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_BOM = "\ufeff"


def safe_cell(value: object) -> str:
    """The text of a cell that no spreadsheet takes for a formula: a quotation mark goes before one that might be."""
    text = str(value)
    if _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if text.lstrip(" ").startswith(_BEGINS_FORMULA) else text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Line by line, with the byte order mark without which Excel does not read UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield _BOM
    writer.writerow(header)
    for cells in rows:
        writer.writerow([safe_cell(cell) for cell in cells])
        if buffer.tell() > 16_384:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
