"""Where a certificate is served: known to the rooms above, asked through a registry."""

import uuid
from collections.abc import Callable

from certificates.models import Certificate
from config.lib.registry import Registry

# Whoever installs certificates registers a function that names the targets seen serving one.
reporters: Registry[Callable[[Certificate], list[uuid.UUID]]] = Registry("serving reporters")


def serving_targets(certificate: Certificate) -> list[uuid.UUID]:
    """Ids of the targets that were last seen serving `certificate`."""
    return [target for report in reporters for target in report(certificate)]
