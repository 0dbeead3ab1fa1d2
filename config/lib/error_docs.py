"""docs/errors.md, written from the catalogue so that the two cannot differ."""

from collections.abc import Mapping

from config.lib.errors import Entry

HEAD = """# Errors

Every code that the portal shows in pages, mails and API answers, in alphabetical order. This page is written from the
catalogues by `manage.py write_error_docs`.
"""


def error_docs(entries: Mapping[str, Entry]) -> str:
    """The whole page as Markdown; one section per code, whose anchor is the code."""
    return HEAD + "".join(_section(code, entries[code]) for code in sorted(entries))


def _section(code: str, entry: Entry) -> str:
    parts = [f"\n## {code}\n", f"**{_plain(entry.title)}**\n", _plain(entry.why), _plain(entry.fix)]
    if entry.paste:
        parts.append(f"\n```\n{_plain(entry.paste)}\n```")
    return "\n".join(part for part in parts if part) + "\n"


def _plain(template: str) -> str:
    """`{host}` reads as ‹host›; braces of the text itself stay."""
    return (
        template.replace("{{", "\0").replace("}}", "\1").replace("{", "‹").replace("}", "›").translate({0: "{", 1: "}"})
    )
