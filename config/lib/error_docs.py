"""docs/errors.md, written from the catalogue so that the two cannot differ."""

import re
from collections.abc import Mapping

from config.lib.errors import Entry

PARAMETER = re.compile(r"(?<!{){(\w+)}(?!})")
HEAD = """# Errors

Every code that the portal shows in pages, mails and API answers, in alphabetical order. This page is written from the
catalogues by `manage.py write_error_docs`.
"""


def error_docs(entries: Mapping[str, Entry]) -> str:
    """The whole page as Markdown; one section per code, whose anchor is the code."""
    return HEAD + "".join(_section(code, entries[code]) for code in sorted(entries))


def _section(code: str, entry: Entry) -> str:
    parts = [f"\n## {code}", f"**{_named(entry.title, '*')}**", _named(entry.why, "*"), _named(entry.fix, "*")]
    if entry.paste:
        parts.append(f"```\n{_named(entry.paste, '')}\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


def _named(template: str, mark: str) -> str:
    """Parameters by their names, in capitals: `{host}` reads as HOST, in italics where `mark` is a star."""
    named = PARAMETER.sub(lambda found: f"{mark}{found[1].upper().replace('_', ' ')}{mark}", template)
    return named.replace("{{", "{").replace("}}", "}")
