"""The solvers by name: the room above registers its own at start-up, so this module loads none of what they need.

The automatic ones stand in the order in which they are preferred.
"""

import uuid
from collections.abc import Sequence
from typing import Protocol

from certificates.models import Authorization, Issuance
from config.lib.errors import ExpectedError
from config.lib.registry import Registry

# Registered by the room that signs in to servers; only a domain's mode chooses it.
OVER_SSH = "http01"


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


solvers: Registry[Solver] = Registry("ACME solvers")
