"""`{{name}}` in a text becomes a value; nothing else means anything, and values are never read again."""

import re
from collections.abc import Collection, Mapping

from config.lib.errors import NeedsUser

_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """A variable without a value (a template may be older than the rule that uses it) becomes nothing."""
    return _VARIABLE.sub(lambda found: values.get(found[1], ""), text)


def check_variables(text: str, known: Collection[str]) -> None:
    """Raises NeedsUser("variable_unknown", name, line, column, known) for the first that is not known."""
    for found in _VARIABLE.finditer(text):
        if found[1] not in known:
            before = text[: found.start()]
            line, column = before.count("\n") + 1, found.start() - before.rfind("\n")
            raise NeedsUser("variable_unknown", name=found[1][:40], line=line, column=column, known=sorted(known))
