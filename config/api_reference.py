"""The OpenAPI document as something to read: pure, document in, small structures out."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.api_kinds import NOTHING, Kind, kind_of

METHODS = ("get", "post", "put", "patch", "delete")
# Refusals that come to every operation alike are explained once.
USUAL = ("401", "403", "404", "413", "422", "429")
FIRST_REFUSAL = 400


@dataclass(frozen=True)
class Field:
    """A parameter, a field of a body or of an object. `default` is empty where there is none to tell."""

    name: str
    kind: Kind
    is_required: bool
    default: str
    words: str


@dataclass(frozen=True)
class Answer:
    """One status: what it means, the object that it carries, or the codes that it may name."""

    status: str
    words: str
    kind: Kind
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    key: str
    method: str
    path: str
    summary: str
    paragraphs: tuple[str, ...]
    query: tuple[Field, ...]
    body: tuple[Field, ...]
    body_words: str
    answers: tuple[Answer, ...]
    usual: tuple[str, ...]
    call: str


@dataclass(frozen=True)
class Item:
    """An object that answers carry."""

    name: str
    words: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Room:
    """One part of the API; `items` are the objects that its answers carry, the ones within them too."""

    slug: str
    name: str
    words: str
    operations: tuple[Operation, ...]
    items: tuple[Item, ...] = ()


def read_rooms(document: Mapping[str, Any]) -> tuple[Room, ...]:
    """The rooms in the document's order of tags; a room without operations is left out."""
    every = list(_operations(document))
    rooms = []
    for tag in document["tags"]:
        found = tuple(operation for name, operation in every if name == tag["name"])
        if found:
            room = Room(tag["name"].lower(), tag["name"], tag["description"], found)
            rooms.append(replace(room, items=_items_of(room, document)))
    return tuple(rooms)


def read_item(document: Mapping[str, Any], name: str) -> Item:
    schema = document["components"]["schemas"][name]
    return Item(name, schema.get("description", ""), read_fields(schema))


def read_fields(schema: Mapping[str, Any]) -> tuple[Field, ...]:
    required = schema.get("required", ())
    return tuple(_field(name, part, name in required) for name, part in schema.get("properties", {}).items())


def _field(name: str, schema: Mapping[str, Any], is_required: bool, words: str = "") -> Field:
    default = "" if is_required or schema.get("default") in (None, "", [], {}) else json.dumps(schema["default"])
    return Field(name, kind_of(schema), is_required, default, words or schema.get("description", ""))


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                found = methods[method]
                yield found["tags"][0], _operation(document, path, method.upper(), found)


def _operation(document: Mapping[str, Any], path: str, method: str, found: Mapping[str, Any]) -> Operation:
    schemas = document["components"]["schemas"]
    answers = {status: answer for status, answer in found["responses"].items() if "$ref" not in answer}
    body = _body_schema(found)
    query = [part for part in found["parameters"] if part.get("in") == "query"]
    return Operation(
        key=found["operationId"].replace("_", "-"),
        method=method,
        path=path,
        summary=found["summary"],
        paragraphs=tuple(found.get("description", "").split("\n\n")),
        query=tuple(_field(part["name"], part["schema"], part["required"], part["description"]) for part in query),
        body=read_fields(body),
        body_words=body.get("description", ""),
        answers=tuple(_answer(status, answer, schemas) for status, answer in sorted(answers.items())),
        usual=tuple(status for status in USUAL if status in found["responses"] and status not in answers),
        call=call_by_curl(document["servers"][0]["url"], path, method, found),
    )


def _body_schema(found: Mapping[str, Any]) -> Mapping[str, Any]:
    content = found.get("requestBody", {}).get("content", {})
    schema: Mapping[str, Any] = content.get("application/json", {}).get("schema", {})
    return schema


def _answer(status: str, answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> Answer:
    contents = list(answer.get("content", {}).values())
    kind = _content(contents[0]["schema"], schemas) if contents and int(status) < FIRST_REFUSAL else NOTHING
    return Answer(status, answer["description"], kind, tuple(answer.get("x-codes", ())))


def _content(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Kind:
    """A page of a list is told by what it lists."""
    kind = kind_of(schema)
    parts = schemas.get(kind.item, {}).get("properties", {})
    return replace(kind_of(parts["items"]), before="page of ") if set(parts) == {"items", "next"} else kind


def call_by_curl(base: str, path: str, method: str, found: Mapping[str, Any]) -> str:
    """A line for a shell in which TOKEN and the ids are set, such as DOMAIN in /domains/$DOMAIN."""
    lines = [f"curl {base}{_with_variables(path)}"]
    if method != "GET":
        lines[0] = f"curl -X {method} {base}{_with_variables(path)}"
    lines.append('-H "Authorization: Bearer $TOKEN"')
    if "requestBody" in found:
        body = json.dumps(example_body(_body_schema(found)), ensure_ascii=False)
        lines += ['-H "Content-Type: application/json"', f"-d '{body}'"]
    if path.endswith(".zip"):
        lines.append(f"-o {path.rpartition('/')[2]}")
    return " \\\n  ".join(lines)


def example_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What the document gives an example of; it does so for whatever is required."""
    parts = schema.get("properties", {})
    return {name: part["examples"][0] for name, part in parts.items() if part.get("examples")}


def _with_variables(path: str) -> str:
    return re.sub(r"([\w-]+)/{\w+}", lambda found: f"{found[1]}/${_variable(found[1])}", path)


def _variable(word: str) -> str:
    return word.removesuffix("s").replace("-", "_").upper()


def _items_of(room: Room, document: Mapping[str, Any]) -> tuple[Item, ...]:
    """Objects in the order in which a reader meets them, each once."""
    waiting = [answer.kind.item for operation in room.operations for answer in operation.answers]
    met: dict[str, Item] = {}
    while waiting:
        name = waiting.pop(0)
        if name and name not in met:
            met[name] = read_item(document, name)
            waiting += [field.kind.item for field in met[name].fields]
    return tuple(met.values())
