"""What is told, frozen when it is written down: the same words at every attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Message:
    """Plain text throughout; each gateway encodes it for its channel.

    `type` is what receivers' programs sort by (`certificate.expiring`); `facts` are label and value in order;
    `data` is the same for programs: thin, without secrets. `dedup_key` is at most 64 of `[A-Za-z0-9_-]` and
    the same for everything that is said about one thing; `severity` is info, warning or critical.
    """

    type: str
    subject: str
    body: str
    url: str
    dedup_key: str
    severity: str = "warning"
    facts: Sequence[tuple[str, str]] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    def frozen(self) -> dict[str, Any]:
        """As a delivery keeps it."""
        return {**asdict(self), "facts": [list(fact) for fact in self.facts]}

    @classmethod
    def thawed(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{**stored, "facts": tuple((label, value) for label, value in stored["facts"])})
