"""A pasted list or a CSV file turned into rows of text. Pure; says nothing about what the rows mean."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from config.lib.errors import NeedsUser

LINES_AT_MOST = 5_000
BYTES_AT_MOST = 1024 * 1024
COLUMNS = ("hostname", "port", "protocol", "tags", "notes")
_SAME = {"host": "hostname", "domain": "hostname", "tag": "tags", "note": "notes"}
# No host name contains any of these, so the first one that is met is what separates the cells.
_SEPARATOR = re.compile(r"[;,\t]")
_CELL_AT_MOST = 4_000


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one line as they were written; `number` is the line on which it begins, from 1."""

    number: int
    hostname: str
    port: str = ""
    protocol: str = ""
    tags: str = ""
    notes: str = ""

    @property
    def cells(self) -> list[str]:
        return [self.hostname, self.port, self.protocol, self.tags, self.notes]


def decode_file(blob: bytes) -> str:
    """UTF-8 with or without a byte order mark. Raises NeedsUser: batch_too_large, batch_not_utf8."""
    if len(blob) > BYTES_AT_MOST:
        raise NeedsUser("batch_too_large", most=_megabytes())
    try:
        return blob.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NeedsUser("batch_not_utf8") from None


def read_rows(text: str) -> list[Row]:
    """One row per line that is not blank; a first line of column names is read as such.

    Separated by commas, semicolons or tabs, whichever comes first. Raises NeedsUser: batch_empty, batch_too_large,
    batch_too_long, batch_malformed.
    """
    if len(text.encode("utf-8", "surrogatepass")) > BYTES_AT_MOST:
        raise NeedsUser("batch_too_large", most=_megabytes())
    found = _records(text.removeprefix("\ufeff"))
    names: Sequence[str] = COLUMNS
    rows: list[Row] = []
    for at, (number, cells) in enumerate(found):
        if at == 0 and (header := _header(cells)):
            names = header
            continue
        if len(rows) == LINES_AT_MOST:
            raise NeedsUser("batch_too_long", most=f"{LINES_AT_MOST:,}")
        rows.append(_row(number, names, cells))
    if not rows:
        raise NeedsUser("batch_empty")
    return rows


def unused_columns(text: str) -> list[str]:
    """The names in a first line of column names that nothing is read from: a typing mistake loses a whole column."""
    _, cells = next(_records(text.removeprefix("\ufeff")), (0, []))
    known = zip(cells, _header(cells), strict=False)
    return [written[:40] for written, name in known if written and name not in COLUMNS]


def row_of(number: int, cells: Iterable[str]) -> Row:
    """A row out of its stored cells."""
    return Row(number, *cells)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, cells) of every record that is not blank; notes may go over several lines."""
    separator = _SEPARATOR.search(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator[0] if separator else ",")
    before = 0
    try:
        for cells in reader:
            cleaned = [cell.strip() for cell in cells]
            if any(cleaned):
                yield before + 1, cleaned
            before = reader.line_num
    except csv.Error:
        raise NeedsUser("batch_malformed", line=before + 1) from None


def _header(cells: Sequence[str]) -> list[str]:
    """The columns' names when these cells name them, else nothing. `host` alone is never a host's name."""
    names = [_SAME.get(name, name) for name in (cell.lower() for cell in cells)]
    return names if "hostname" in names else []


def _row(number: int, names: Sequence[str], cells: Sequence[str]) -> Row:
    # PostgreSQL refuses NUL in any text, and a line that is to be refused must be stored all the same.
    known = {
        name: cell[:_CELL_AT_MOST].replace("\0", "\N{REPLACEMENT CHARACTER}")
        for name, cell in zip(names, cells, strict=False)
        if name in COLUMNS
    }
    return Row(number, **{"hostname": "", **known})


def _megabytes() -> str:
    return f"{BYTES_AT_MOST // (1024 * 1024)} MB"
