"""Registers this room's job kinds; what speaks with strangers runs in the role without the encryption key."""

from datetime import timedelta

from accounts.chores import Routine, chores
from config.lib import jobs
from config.lib.later import later
from domains.loading import with_what_a_visit_reads
from domains.models import AddressCheck, Batch, Hosting, Ownership, RevocationList, Visit

jobs.register(
    jobs.Kind(
        name="visit",
        model=Visit,
        work=later("domains.visit.visit_due"),
        give_up=later("domains.visit.give_up"),
        load=with_what_a_visit_reads,
        queue="inspect",
        batch=500,
        lease=timedelta(seconds=300),
    )
)
jobs.register(
    jobs.Kind(
        name="ownership",
        model=Ownership,
        work=later("domains.ownership.check_ownership"),
        give_up=later("domains.ownership.give_up"),
        queue="inspect",
    )
)
jobs.register(
    jobs.Kind(
        name="hosting",
        model=Hosting,
        work=later("domains.hosting.detecting.detect_hosting"),
        give_up=later("domains.hosting.detecting.give_up"),
        queue="inspect",
        lease=timedelta(seconds=120),
    )
)
jobs.register(
    jobs.Kind(
        name="addresses",
        model=AddressCheck,
        work=later("domains.addresses.checking.check_addresses"),
        give_up=later("domains.addresses.checking.give_up"),
        queue="inspect",
    )
)
jobs.register(
    jobs.Kind(
        name="revocation",
        model=RevocationList,
        work=later("domains.revocation.fetching.fetch_lists"),
        give_up=later("domains.revocation.fetching.give_up"),
        queue="inspect",
        lease=timedelta(seconds=180),
    )
)
jobs.register(
    jobs.Kind(
        name="batch",
        model=Batch,
        work=later("domains.batches.working.work_batches"),
        give_up=later("domains.batches.working.give_up"),
        lease=timedelta(seconds=120),
    )
)
chores.add("old inspections", Routine(later("domains.forgetting.forget_old_inspections"), timedelta(days=1)))
chores.add("old findings", Routine(later("domains.forgetting.forget_old_findings"), timedelta(days=1)))
