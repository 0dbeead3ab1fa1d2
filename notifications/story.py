"""What happened to a domain, as facts: the one form that rules, messages and previews take it in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domains.models import Domain


@dataclass(frozen=True)
class Story:
    """`subject` is what it is about (a fingerprint, a finding's id, an event's id): what a rule speaks of once a round.

    `trigger` is of `Trigger`; `type` what receivers' programs sort by. `title`, `why` and `fix` are the catalogue's
    or the event's words. `values` are the variables of templates, as text; `facts` are label and value in order.
    """

    trigger: str
    type: str
    subject: str
    domain: Domain | None
    at: datetime
    title: str
    why: str = ""
    fix: str = ""
    severity: str = "warning"
    url: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[tuple[str, str], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
