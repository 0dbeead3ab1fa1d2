"""A strict reader of iCalendar (RFC 5545), for tests: what it does not raise about is well-formed."""

import re
from dataclasses import dataclass, field

_LINE = re.compile(r"(?P<name>[A-Z0-9-]+)(?P<params>(;[A-Z0-9-]+=[^;:,\"]+)*):(?P<value>.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
TEXTS = frozenset({"SUMMARY", "DESCRIPTION", "NAME", "X-WR-CALNAME"})


@dataclass
class Component:
    name: str
    properties: dict[str, str] = field(default_factory=dict)
    parts: list["Component"] = field(default_factory=list)

    def called(self, name: str) -> list["Component"]:
        return [part for part in self.parts if part.name == name]


def read_calendar(octets: bytes) -> Component:
    """The VCALENDAR, its texts unescaped. Raises AssertionError where the octets break a rule."""
    assert octets.endswith(b"\r\n")
    physical = octets.removesuffix(b"\r\n").split(b"\r\n")
    for piece in physical:
        assert 0 < len(piece) <= 75, piece
        assert b"\n" not in piece
        assert b"\r" not in piece
        piece.decode()  # no character is cut in two
    lines = octets.decode().removesuffix("\r\n").replace("\r\n ", "").split("\r\n")
    stack = [Component("")]
    for line in lines:
        _take(stack, line)
    assert len(stack) == 1
    (calendar,) = stack[0].parts
    assert calendar.name == "VCALENDAR"
    assert calendar.parts, "RFC 5545 3.6: at least one component"
    return calendar


def _take(stack: list[Component], line: str) -> None:
    found = _LINE.fullmatch(line)
    assert found, line
    name, value = found["name"], found["value"]
    assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value), line
    if name == "BEGIN":
        stack.append(Component(value))
    elif name == "END":
        done = stack.pop()
        assert done.name == value
        stack[-1].parts.append(done)
    else:
        key = name + found["params"]
        assert key not in stack[-1].properties, f"{key} twice"
        stack[-1].properties[key] = _text(value) if name in TEXTS else value


def _text(value: str) -> str:
    assert not re.search(r"(?<!\\)(\\\\)*[;,]", value), value
    for escaped in _ESCAPED.findall(value):
        assert escaped in "\\;,nN", value
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
