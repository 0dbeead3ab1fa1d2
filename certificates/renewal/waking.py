"""Whatever changes a renewal's moment has it looked at at once, and what is known of those that people renew."""

import uuid

from certificates.models import Advice, Renewal
from config.lib import clock, jobs


def wake(domain_id: uuid.UUID) -> None:
    """In the transaction of the change. Whoever looks just now looks again: its lease is taken away. Repeatable."""
    for kind, rows in (("renewal", Renewal.unscoped), ("advice", Advice.unscoped)):
        if rows.filter(domain=domain_id).update(run_after=clock.now(), lease_token=None, lease_until=None):
            jobs.ring(kind)
