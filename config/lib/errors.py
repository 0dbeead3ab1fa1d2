"""Expected failures and the catalogue that words them.

A failure carries only a stable code and parameters. Page, mail, API, audit log and docs all
take its words from the one catalogue, so that they never differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.lib.registry import Registry


class ExpectedError(Exception):
    """Something that happens to healthy software. Everything else that is raised is a bug."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class Transient(ExpectedError):
    """Works by itself later; `retry_at` when the other side named a time."""

    def __init__(self, code: str, *, retry_at: datetime | None = None, **params: Any) -> None:
        super().__init__(code, **params)
        self.retry_at = retry_at


class NeedsUser(ExpectedError):
    """Works after a person has changed something."""


class InvalidValue(NeedsUser):
    """A field's value that cannot work; told beside the field."""

    def __init__(self, field_name: str, code: str, **params: Any) -> None:
        super().__init__(code, **params)
        self.field_name = field_name


class Permanent(ExpectedError):
    """Never works as it is."""


@dataclass(frozen=True)
class Entry:
    """Words of one code; each text is a `str.format_map` template over the error's params."""

    title: str
    why: str
    fix: str
    paste: str = ""


@dataclass(frozen=True)
class Wording:
    code: str
    title: str
    why: str
    fix: str
    paste: str


catalogue: Registry[Entry] = Registry("error catalogue")


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def register(entries: Mapping[str, Entry]) -> None:
    """Add a room's codes; a code that another room already words is a bug."""
    for code, entry in entries.items():
        catalogue.add(code, entry)


def describe(code: str, params: Mapping[str, Any] | None = None) -> Wording:
    """The words of `code` with `params` filled in; an unworded code says so instead of failing a page."""
    if code not in catalogue:
        return Wording(code, f"Something went wrong ({code})", "", "Try again; if it stays, tell your admin.", "")
    entry = catalogue.get(code)
    values = _Lenient({name: _shown(value) for name, value in (params or {}).items()})
    title, why, fix, paste = (text.format_map(values) for text in (entry.title, entry.why, entry.fix, entry.paste))
    return Wording(code, title, why, fix, paste)


def in_one_line(error: ExpectedError) -> str:
    """The words of an error for a message or beside a field."""
    wording = describe(error.code, error.params)
    title = wording.title if wording.title.endswith("?") else f"{wording.title}."
    return " ".join(text for text in (title, wording.why, wording.fix) if text)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return str(value)
