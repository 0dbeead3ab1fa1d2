"""What a JSON schema allows, in the words of the API's pages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

FORMATS = {"uuid": "UUID", "date-time": "time", "date": "day", "binary": "file"}


@dataclass(frozen=True)
class Kind:
    """`before` ITEM `after`: where an object is meant, `item` is its name; `values` are all that may be given."""

    before: str
    item: str = ""
    after: str = ""
    values: tuple[str, ...] = ()
    bounds: str = ""


NOTHING = Kind("")


def kind_of(schema: Mapping[str, Any]) -> Kind:
    if "$ref" in schema:
        return Kind("", item=schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema or "allOf" in schema:
        return _kind_of_choice(schema)
    if "enum" in schema or "const" in schema:
        values = map(_plain, schema.get("enum", [schema.get("const")]))
        shown = tuple(value or json.dumps(value) for value in values)
        return Kind("one of" if len(shown) > 1 else "always", values=shown)
    if schema.get("type") == "array":
        return _kind_of_list(schema)
    if schema.get("type") == "object":
        return Kind("object of " + _plural(inner.before)) if (inner := _inner(schema)) else Kind("object")
    return Kind(FORMATS.get(schema.get("format", ""), schema.get("type", "anything")), bounds=_bounds(schema))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _kind_of_choice(schema: Mapping[str, Any]) -> Kind:
    """Almost always: this, or null."""
    parts = schema.get("anyOf", schema.get("allOf", []))
    kinds = [kind_of({**part, **_beside(schema)}) for part in parts if part.get("type") != "null"]
    last = " or null" if len(kinds) < len(parts) else ""
    if len(kinds) == 1:
        return replace(kinds[0], after=kinds[0].after + last)
    return Kind(" or ".join(kind.before for kind in kinds), after=last)


def _beside(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in ("minimum", "maximum") if name in schema}


def _kind_of_list(schema: Mapping[str, Any]) -> Kind:
    inner = kind_of(schema.get("items", {}))
    most = f"at most {schema['maxItems']:,}" if "maxItems" in schema else ""
    each = f"each {inner.bounds}" if inner.bounds else ""
    return replace(inner, before=f"list of {_plural(inner.before)}", bounds=", ".join(filter(None, (most, each))))


def _inner(schema: Mapping[str, Any]) -> Kind | None:
    inner = schema.get("additionalProperties")
    return kind_of(inner) if isinstance(inner, Mapping) else None


def _plural(word: str) -> str:
    return word if not word or word.startswith(("one of", "always", "list", "object")) else f"{word}s"


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low:,} to {high:,}"
    if low is not None or high is not None:
        return f"at least {low:,}" if high is None else f"at most {high:,}"
    return f"at most {schema['maxLength']:,} characters" if "maxLength" in schema else ""
