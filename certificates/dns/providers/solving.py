"""The solver that writes at the customer's DNS provider, and the janitor that removes what was left there."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta

from certificates.dns.providers.turns import LEASE_SECONDS, turn_at
from certificates.dns.providers.unseal import access_of
from certificates.dns.providers.visiting import Txt, visit
from certificates.models import Authorization, DnsProvider, Issuance, ProviderRecord
from certificates.records import look_at_records, missing_records
from config.lib import clock, egress, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser

PROVIDER = "provider"
LOOK_SECONDS = 15.0
# What nobody removed until then the janitor does; by then no challenge needs it.
LEFT_FOR = timedelta(days=1)
# A clean-up that failed is tried again sooner: the provider was there a moment ago.
AGAIN_AFTER = timedelta(minutes=10)


class AtProvider:
    """TXT records written in the zone of each name, or of the alias that stands at it."""

    label = "at your DNS provider"
    challenge = "dns-01"

    def covers(self, workspace_id: uuid.UUID, names: Sequence[str]) -> bool:
        providers = working_providers(workspace_id)
        return all(provider_of(f"_acme-challenge.{name.removeprefix('*.')}", providers) for name in names)

    def present(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        """Written down first, made then, each zone in one visit."""
        providers = working_providers(issuance.workspace_id)
        wanted = [row for row in rows if not row.is_proven]
        places = _places_of(wanted)
        missing = sorted({name for name in places.values() if not provider_of(name, providers)})
        if missing:
            raise NeedsUser("dns_provider_missing", names=missing)
        noted = [_note(issuance, provider_of(places[row.txt_name], providers), places, row) for row in wanted]
        crash_here("issue.records_noted")
        for provider in _each_provider(noted):
            issuance.renew_lease(LEASE_SECONDS)
            with turn_at(provider):
                records = [record for record in noted if record.provider_id == provider.pk]
                visit(access_of(provider), "create", [_txt(record) for record in records])
            crash_here("issue.records_made")

    def look(self, issuance: Issuance, rows: Sequence[Authorization]) -> ExpectedError | None:
        look_at_records(rows)
        return missing_records(rows)

    def clean_up(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        """What cannot be removed now is the janitor's: a provider that is away must not hold the issuance."""
        records = ProviderRecord.unscoped.filter(issuance=issuance).select_related("provider")
        for provider in _each_provider(records):
            issuance.renew_lease(LEASE_SECONDS)
            mine = [record for record in records if record.provider_id == provider.pk]
            try:
                _remove(provider, mine)
            except ExpectedError as error:
                _leave_to_janitor(mine, error)


def working_providers(workspace_id: uuid.UUID) -> list[DnsProvider]:
    """Those whose last test went well."""
    rows = DnsProvider.objects.for_workspace(workspace_id).filter(tested_at__isnull=False, error_code="")
    return list(rows.order_by("zone"))


def provider_of(fqdn: str, providers: Iterable[DnsProvider]) -> DnsProvider | None:
    """The one with the closest zone at or above the name."""
    found = [one for one in providers if fqdn == one.zone or fqdn.endswith(f".{one.zone}")]
    return max(found, key=lambda one: len(one.zone), default=None)


def _places_of(rows: Sequence[Authorization]) -> dict[str, str]:
    """Where each record has to be written: at its name, or at the end of the alias that stands there. Blocks."""
    return {name: _end_of(name) for name in {row.txt_name for row in rows}}


def _end_of(name: str) -> str:
    answers = egress.lookup_txt(name, egress.Deadline(LOOK_SECONDS))
    return next((answer.via for answer in answers if answer.via), name)


def _note(
    issuance: Issuance, provider: DnsProvider | None, places: dict[str, str], row: Authorization
) -> ProviderRecord:
    record, _ = ProviderRecord.unscoped.select_related("provider").get_or_create(
        workspace_id=issuance.workspace_id,
        provider=provider,
        issuance=issuance,
        fqdn=places[row.txt_name],
        value=row.txt_value,
        defaults={"run_after": clock.now() + LEFT_FOR},
    )
    return record


def _each_provider(records: Iterable[ProviderRecord]) -> list[DnsProvider]:
    return list({record.provider_id: record.provider for record in records}.values())


def _txt(record: ProviderRecord) -> Txt:
    return Txt(record.fqdn, record.value)


def _remove(provider: DnsProvider, records: Sequence[ProviderRecord]) -> None:
    with turn_at(provider):
        visit(access_of(provider), "delete", [_txt(record) for record in records])
    crash_here("issue.records_removed")
    ProviderRecord.unscoped.filter(pk__in=[record.pk for record in records]).delete()


def _leave_to_janitor(records: Sequence[ProviderRecord], error: ExpectedError) -> None:
    ProviderRecord.unscoped.filter(pk__in=[record.pk for record in records]).update(
        run_after=clock.now() + AGAIN_AFTER, error_code=error.code, error_params=jobs.storable(error.params)
    )


def remove_left(batch: Sequence[ProviderRecord]) -> None:
    """The janitor: remove records that nobody needs any more. Blocks; repeatable. Raises ExpectedErrors."""
    for record in batch:
        if record.issuance and record.issuance.is_open:
            record.finish(run_after=clock.now() + LEFT_FOR)
            continue
        record.renew_lease(LEASE_SECONDS)
        _remove(record.provider, [record])


def give_up(record: ProviderRecord, error: ExpectedError) -> None:
    """Whoever holds the credentials has to act; once a day it is tried again, and the page says what is left."""
    record.finish(run_after=clock.now() + LEFT_FOR, error_code=error.code, error_params=jobs.storable(error.params))
