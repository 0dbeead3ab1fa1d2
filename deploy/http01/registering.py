"""What this room does for certificates that are proven over HTTP; whoever does it loads what it needs for that."""

import uuid
from collections.abc import Sequence

from certificates.proofs import OVER_SSH, solvers
from certificates.renewal.requirements import requirements
from config.lib.later import later
from deploy.http01.requirements import missing_of


class OverSsh:
    """The tokens in the first target's webroot, or served by a listener there."""

    label = "over HTTP, on the first server"
    challenge = "http-01"
    present = staticmethod(later("deploy.http01.solver.present"))
    look = staticmethod(later("deploy.http01.solver.look"))
    clean_up = staticmethod(later("deploy.http01.solver.clean_up"))

    def covers(self, workspace_id: uuid.UUID, names: Sequence[str]) -> bool:
        """Never of its own accord: a domain's mode chooses it."""
        return False


solvers.add(OVER_SSH, OverSsh())
requirements.add("first target", missing_of)
