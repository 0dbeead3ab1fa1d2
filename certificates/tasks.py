"""Registers this room's job kinds."""

from datetime import timedelta

from django.db.models import QuerySet

from accounts.chores import Routine, chores
from certificates.models import (
    AcmeAccount,
    Advice,
    Delegation,
    DnsLook,
    DnsProvider,
    Issuance,
    ProviderRecord,
    Renewal,
    Replacement,
    Revocation,
)
from config.lib import jobs
from config.lib.later import later


def with_what_a_look_reads(rows: QuerySet[Renewal]) -> list[Renewal]:
    return list(rows.select_related("domain__workspace", "workspace", "certificate__private_key", "issuance"))


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
        name="renewal",
        model=Renewal,
        work=later("certificates.renewal.sweep.work_renewals"),
        give_up=later("certificates.renewal.sweep.give_up"),
        load=with_what_a_look_reads,
    )
)
jobs.register(
    jobs.Kind(
        name="advice",
        model=Advice,
        work=later("certificates.renewal.by_hand.work_advices"),
        give_up=later("certificates.renewal.by_hand.give_up"),
        lease=timedelta(seconds=90),
    )
)
jobs.register(
    jobs.Kind(
        name="delegation",
        model=Delegation,
        work=later("certificates.dns.delegations.check_delegations"),
        give_up=later("certificates.dns.delegations.give_up"),
        queue="inspect",
    )
)
jobs.register(
    jobs.Kind(
        name="dns_provider",
        model=DnsProvider,
        work=later("certificates.dns.providers.saving.try_providers"),
        give_up=later("certificates.dns.providers.saving.give_up"),
        lease=timedelta(seconds=120),
    )
)
jobs.register(
    jobs.Kind(
        name="provider_record",
        model=ProviderRecord,
        work=later("certificates.dns.providers.solving.remove_left"),
        give_up=later("certificates.dns.providers.solving.give_up"),
        lease=timedelta(seconds=120),
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
jobs.register(
    jobs.Kind(
        name="certificate_replacement",
        model=Replacement,
        work=later("certificates.replacing.working.work_replacements"),
        give_up=later("certificates.replacing.working.give_up"),
        lease=timedelta(seconds=120),
    )
)
jobs.register(
    jobs.Kind(
        name="acme_account",
        model=AcmeAccount,
        work=later("certificates.cas.work.work_accounts"),
        give_up=later("certificates.cas.work.give_up"),
    )
)
chores.add(
    "balances that nothing waits for",
    Routine(later("certificates.unpaid.close_left_over"), timedelta(minutes=10)),
)
chores.add(
    "CAs to ask about what people renew", Routine(later("certificates.renewal.by_hand.plan_some"), timedelta(days=1))
)
chores.add("old issuances", Routine(later("certificates.forgetting.forget_old_issuances"), timedelta(days=1)))
