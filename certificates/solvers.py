"""Who publishes what proves a name to a CA, and takes it away: a person by hand, or the portal by itself.

A solver is registered at start-up under its name, the automatic ones in the order in which they are preferred.
"""

import uuid
from collections.abc import Sequence
from typing import Protocol

from certificates.dns.delegated import DELEGATED, Delegated
from certificates.dns.providers.solving import PROVIDER, AtProvider
from certificates.models import Authorization, Issuance
from certificates.records import look_at_records, missing_records
from config.lib.errors import ExpectedError
from config.lib.registry import Registry

MANUAL = "manual"


class Solver(Protocol):
    """`challenge` is the ACME type that it answers, `label` what people read."""

    label: str
    challenge: str

    def covers(self, workspace_id: uuid.UUID, names: Sequence[str]) -> bool:
        """Whether it can prove every one of `names` by itself. Asks the database alone."""

    def present(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        """Publish. Blocks; repeatable. Raises ExpectedErrors."""

    def look(self, issuance: Issuance, rows: Sequence[Authorization]) -> ExpectedError | None:
        """What of it is not to be seen yet, by our own eyes; sets `seen` on the rows and saves nothing. Blocks."""

    def clean_up(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        """Take away whatever `present` may have published. Blocks; repeatable. Raises ExpectedErrors."""


class ByHand:
    """TXT records that a person publishes and may leave where they are."""

    label = "by hand"
    challenge = "dns-01"

    def covers(self, workspace_id: uuid.UUID, names: Sequence[str]) -> bool:
        return True

    def present(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        """The page shows them."""

    def look(self, issuance: Issuance, rows: Sequence[Authorization]) -> ExpectedError | None:
        look_at_records(rows)
        return missing_records(rows)

    def clean_up(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        """Nothing of ours is there."""


solvers: Registry[Solver] = Registry("ACME solvers")
solvers.add(MANUAL, ByHand())
solvers.add(DELEGATED, Delegated())
solvers.add(PROVIDER, AtProvider())


def automatic_for(workspace_id: uuid.UUID, names: Sequence[str]) -> str:
    """The first solver that proves all of `names` without anybody's hands; MANUAL where none does."""
    automatic = (name for name in solvers.keys() if name != MANUAL)  # noqa: SIM118  (a Registry, not a dict)
    return next((name for name in automatic if solvers.get(name).covers(workspace_id, names)), MANUAL)
