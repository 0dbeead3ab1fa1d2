"""What a line tells beyond its sentence: before and after, and the rest of its data, as plain text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """`name` is empty where the whole of something changed."""

    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.name}: {self.before} → {self.after}" if self.name else f"{self.before} → {self.after}"


def changes_of(data: Mapping[str, Any]) -> list[Change]:
    """From data with `before`, and `after` or a role; of two objects only the fields that differ."""
    if "before" not in data:
        return []
    before, after = data["before"], data.get("after", data.get("role", ""))
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [Change("", in_text(before), in_text(after))]
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [Change(name, in_text(before.get(name)), in_text(after.get(name))) for name in names]


def rest_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Everything but what `changes_of` tells."""
    told = {"before", "after"} if "before" in data else set()
    return {name: in_text(value) for name, value in data.items() if name not in told}


def in_text(value: Any) -> str:
    """For people: nothing is a dash, lists and objects as JSON."""
    if value in (None, "", [], {}):
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
