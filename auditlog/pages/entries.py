"""What stands on an activity log, as plain values for its template."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from config.lib.errors import Wording
from domains.models import Domain


@dataclass(frozen=True)
class Step:
    """One line of a run; `seconds` None: not known or not ended; `output` is what a command said.

    `key` is what a link to it ends in; None while nothing is recorded of it.
    """

    name: str
    state: str
    detail: str = ""
    seconds: float | None = None
    wording: Wording | None = None
    output: str = ""
    is_command: bool = False
    key: UUID | None = None


@dataclass(frozen=True)
class Part:
    """The steps at one place: a target of a deployment; without a `label` the run itself."""

    steps: Sequence[Step]
    label: str = ""
    state: str = ""
    seconds: float | None = None
    files: Sequence[str] = ()
    wording: Wording | None = None
    next_try_at: datetime | None = None

    @property
    def is_settled(self) -> bool:
        """Nothing to look at: its steps may be folded away."""
        return self.state in ("serving", "issued") and self.wording is None


@dataclass(frozen=True)
class Entry:
    """A run, or one event in a sentence. `state` is a run's state or an event's severity.

    A folded run has no parts: their steps were not even read. `also`: another run that it shows, for links to that one.
    """

    key: UUID
    at: datetime
    title: str
    state: str
    by: str = ""
    parts: Sequence[Part] = ()
    wording: Wording | None = None
    seconds: float | None = None
    is_open: bool = False
    is_run: bool = True
    is_folded: bool = False
    also: UUID | None = None


class Source(Protocol):
    """One kind of entry of a domain: first its newest keys, then the entries of the chosen ones."""

    def newest(
        self, domain: Domain, before: datetime | None, limit: int, *, problems: bool = False
    ) -> list[tuple[datetime, UUID]]:
        """`problems`: only what failed, in part or whole, or is more than information."""

    def entries(self, domain: Domain, keys: Sequence[UUID], unfolded: Container[UUID]) -> list[Entry]:
        """Runs that are not `unfolded`, and not under way, come without their parts."""
