"""Whatever changes a renewal's moment has it looked at at once."""

import uuid

from certificates.models import Renewal
from config.lib import clock, jobs


def wake(domain_id: uuid.UUID) -> None:
    """In the transaction of the change. Whoever looks just now looks again: its lease is taken away. Repeatable."""
    rows = Renewal.unscoped.filter(domain=domain_id)
    if rows.update(run_after=clock.now(), lease_token=None, lease_until=None):
        jobs.ring("renewal")
