"""What an import would do with each of its lines: added, watched already, twice in the list, or refused and why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.lib.errors import ExpectedError, NeedsUser
from domains.add import NewDomain, parse_new
from domains.batches.reading import Row
from domains.models import LineState

type Key = tuple[str, int, str]


@dataclass(slots=True)
class Verdict:
    """`new` is what would be added; None where the line cannot be read."""

    row: Row
    state: str = LineState.WAITING
    new: NewDomain | None = None
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The host as the portal names it, else what was written."""
        return self.new.label if self.new else self.row.hostname[:300]

    def turn(self, state: str, error: ExpectedError) -> None:
        self.state, self.code, self.params = state, error.code, error.params


def read_verdict(row: Row) -> Verdict:
    """What the line means by itself. Pure."""
    try:
        return Verdict(row, new=new_of(row))
    except ExpectedError as error:
        verdict = Verdict(row)
        verdict.turn(LineState.REFUSED, error)
        return verdict


def new_of(row: Row) -> NewDomain:
    """The domain that a line asks for. Raises NeedsUser as parse_new does."""
    return parse_new(
        hostname=row.hostname,
        port=_port(row.port),
        protocol=row.protocol.lower() or None,
        tags=row.tags.replace(";", ",").replace("|", ",").split(","),
        notes=row.notes,
    )


def _port(text: str) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 5:
        return int(text)
    raise NeedsUser("port_not_allowed", port=text[:20])


def compare_lines(verdicts: Sequence[Verdict], watched: Collection[Key], room: int | None, refusal: NeedsUser) -> None:
    """Mark what is watched already, what stands twice, and what exceeds `room` (None: no limit; else `refusal`)."""
    first: dict[Key, int] = {}
    taken = 0
    for verdict in verdicts:
        if verdict.new is None:
            continue
        key = verdict.new.key
        if key in first:
            verdict.turn(LineState.TWICE, NeedsUser("line_twice", host=verdict.label, first=first[key]))
        elif key in watched:
            verdict.turn(LineState.WATCHED, NeedsUser("domain_exists", host=verdict.label))
        elif room is not None and taken >= room:
            verdict.turn(LineState.REFUSED, refusal)
        else:
            taken += 1
        first.setdefault(key, verdict.row.number)
