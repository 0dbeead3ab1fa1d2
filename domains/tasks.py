"""Registers this room's job kinds; all run in the role without the encryption key."""

from datetime import timedelta

from config.lib import jobs
from domains import ownership, visit
from domains.addresses import checking
from domains.hosting import detecting
from domains.models import AddressCheck, Hosting, Ownership, RevocationList, Visit
from domains.revocation import fetching

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
    jobs.Kind(
        name="addresses",
        model=AddressCheck,
        work=checking.check_addresses,
        give_up=checking.give_up,
        queue="inspect",
        lease=checking.LEASE,
    )
)
jobs.register(
    jobs.Kind(
        name="revocation",
        model=RevocationList,
        work=fetching.fetch_lists,
        give_up=fetching.give_up,
        queue="inspect",
        lease=fetching.LEASE,
    )
)
