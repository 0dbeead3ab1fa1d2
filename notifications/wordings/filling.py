"""`{{name}}` in a text becomes a value; nothing else means anything, and values are never read again."""

import re
from collections.abc import Collection, Mapping

from config.lib.errors import NeedsUser

# Two braces, anything without braces, two braces: linear in the text, whatever it is.
_VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
_NAME_SHOWN = 40


def fill(text: str, values: Mapping[str, str]) -> str:
    """In one pass. What is no name of a value stays as it is written. Pure."""
    return _VARIABLE.sub(lambda found: values.get(found[1].strip(), found[0]), text)


def check_variables(text: str, known: Collection[str]) -> None:
    """Raises NeedsUser("variable_unknown", name, line, column, known) for the first that is not known."""
    for found in _VARIABLE.finditer(text):
        name = found[1].strip()
        if name not in known:
            before = text[: found.start()]
            line, column = before.count("\n") + 1, found.start() - before.rfind("\n")
            shown = " ".join(name.split())[:_NAME_SHOWN]
            raise NeedsUser("variable_unknown", name=shown, line=line, column=column, known=list(known))
