"""Who publishes what proves a name to a CA, and takes it away: a person by hand, or the portal by itself."""

import uuid
from collections.abc import Sequence

from certificates.dns.delegated import DELEGATED, Delegated
from certificates.dns.providers.solving import PROVIDER, AtProvider
from certificates.models import Authorization, Issuance
from certificates.proofs import OVER_SSH, Solver, solvers
from certificates.records import look_at_records, missing_records
from config.lib.errors import ExpectedError
from domains.models import Mode

__all__ = ["MANUAL", "OVER_SSH", "ByHand", "Solver", "automatic_for", "solver_for", "solvers"]
MANUAL = "manual"


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


solvers.add(MANUAL, ByHand())
solvers.add(DELEGATED, Delegated())
solvers.add(PROVIDER, AtProvider())


def solver_for(mode: str, workspace_id: uuid.UUID, names: Sequence[str]) -> str:
    """Who proves `names` of a domain in `mode`; MANUAL where nobody does without hands."""
    if mode == Mode.ACME_AUTO and OVER_SSH in solvers:
        return OVER_SSH
    return automatic_for(workspace_id, names)


def automatic_for(workspace_id: uuid.UUID, names: Sequence[str]) -> str:
    """The first solver that proves all of `names` without anybody's hands; MANUAL where none does."""
    automatic = (name for name in solvers.keys() if name != MANUAL)  # noqa: SIM118  (a Registry, not a dict)
    return next((name for name in automatic if solvers.get(name).covers(workspace_id, names)), MANUAL)
