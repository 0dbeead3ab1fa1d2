"""Registers this room's job kinds."""

from certificates.models import DnsLook, Issuance, Revocation
from config.lib import jobs
from config.lib.later import later

jobs.register(
    jobs.Kind(
        name="issuance",
        model=Issuance,
        work=later("certificates.advance.work_issuances"),
        give_up=later("certificates.advance.give_up"),
    )
)
jobs.register(
    jobs.Kind(
        name="dns_look",
        model=DnsLook,
        work=later("certificates.records.work_looks"),
        give_up=later("certificates.records.stop_looking"),
    )
)
jobs.register(
    jobs.Kind(
        name="certificate_revocation",
        model=Revocation,
        work=later("certificates.revoking.work_revocations"),
        give_up=later("certificates.revoking.give_up"),
    )
)
