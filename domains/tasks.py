"""Registers this room's job kinds; what speaks with strangers runs in the role without the encryption key."""

from datetime import timedelta

from config.lib import jobs
from domains import ownership, visit
from domains.batches import working
from domains.hosting import detecting
from domains.models import Batch, Hosting, Ownership, Visit

jobs.register(
    jobs.Kind(
        name="visit",
        model=Visit,
        work=visit.visit_due,
        give_up=visit.give_up,
        queue="inspect",
        batch=visit.BATCH,
        lease=visit.LEASE,
    )
)
jobs.register(
    jobs.Kind(
        name="ownership",
        model=Ownership,
        work=ownership.check_ownership,
        give_up=ownership.give_up,
        queue="inspect",
        lease=timedelta(seconds=60),
    )
)
jobs.register(
    jobs.Kind(
        name="hosting",
        model=Hosting,
        work=detecting.detect_hosting,
        give_up=detecting.give_up,
        queue="inspect",
        lease=detecting.LEASE,
    )
)
jobs.register(
    jobs.Kind(name="batch", model=Batch, work=working.work_batches, give_up=working.give_up, lease=working.LEASE)
)
