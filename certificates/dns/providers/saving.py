"""Providers as people keep them: saved with their secrets, tested before they are used, removed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Workspace
from auditlog.events import Actor, difference, record
from certificates.dns.providers.kinds import ProviderKind, kinds
from certificates.dns.providers.turns import LEASE_SECONDS, turn_at
from certificates.dns.providers.unseal import access_of
from certificates.dns.providers.visiting import trial_record, visit
from certificates.models import DnsProvider, Issuance
from config.lib import clock, egress, jobs
from config.lib.errors import ExpectedError, InvalidValue, NeedsUser
from config.lib.sealed import Sealed

VALUE_AT_MOST = 1_000
PROVIDERS_AT_MOST = 100


def providers_of(workspace: Workspace) -> QuerySet[DnsProvider]:
    return DnsProvider.objects.for_workspace(workspace).order_by("zone", "id")


def save_provider(*, workspace: Workspace, kind: str, zone: str, given: Mapping[str, str], actor: Actor) -> DnsProvider:
    """Keep the credentials for a zone, in place of those there are, and test them. All values are given each time.

    A secret thus never travels to another host than the one it was given with. Raises InvalidValue, NeedsUser
    dns_providers_full.
    """
    if kind not in kinds:
        raise InvalidValue("kind", "dns_provider_unknown", kind=kind, known=kinds.keys())
    values = _clean(kinds.get(kind), given)
    zone = _zone(zone)
    if not providers_of(workspace).filter(zone=zone).exists() and providers_of(workspace).count() >= PROVIDERS_AT_MOST:
        raise NeedsUser("dns_providers_full", most=PROVIDERS_AT_MOST)
    return _save(workspace, kinds.get(kind), zone, values, actor)


@transaction.atomic
def _save(workspace: Workspace, kind: ProviderKind, zone: str, values: Mapping[str, str], actor: Actor) -> DnsProvider:
    row = providers_of(workspace).filter(zone=zone).select_for_update().first()
    before = _shown(row) if row else {}
    row = row or DnsProvider(workspace=workspace, zone=zone)
    row.kind = kind.key
    row.config = {name: value for name, value in values.items() if name not in kind.secret_names}
    secrets = {name: value for name, value in values.items() if name in kind.secret_names}
    row.sealed_secrets = Sealed.of(json.dumps(secrets))
    row.tested_at, row.error_code, row.error_params = None, "", {}
    row.save()
    # All of them are given each time, so they are always new ones.
    after = _shown(row) | dict.fromkeys(filter(secrets.get, secrets), "given")
    _record("dns_provider.saved", row, actor, **difference(before, after))
    ask_for_test(row)
    return row


def _clean(kind: ProviderKind, given: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for field in kind.fields:
        value = str(given.get(field.name, "") or field.default).strip()
        if field.is_required and not value:
            raise InvalidValue(field.name, "dns_provider_value_missing", field=field.label)
        allowed = [choice for choice, _ in field.choices]
        if len(value) > VALUE_AT_MOST or not value.isprintable() or (allowed and value not in allowed):
            raise InvalidValue(field.name, "dns_provider_value", field=field.label)
        values[field.name] = value
    _check_hosts(kind, values)
    return values


def _check_hosts(kind: ProviderKind, values: Mapping[str, str]) -> None:
    try:
        kind.hosts(values)
    except ExpectedError as error:
        raise InvalidValue(kind.fields[0].name, error.code, **error.params) from error


def _zone(text: str) -> str:
    try:
        return egress.parse_hostname(text.strip().rstrip("."))
    except ExpectedError as error:
        raise InvalidValue("zone", error.code, **error.params) from error


def ask_for_test(provider: DnsProvider) -> None:
    """Somebody wants to know whether it works. Repeatable; the caller waits or polls."""
    jobs.start_now(provider, asked_at=clock.now())
    jobs.ring("dns_provider", interactive=True)


def try_providers(batch: Sequence[DnsProvider]) -> None:
    """Make a record, see it listed, remove it; what went wrong is on the row. Blocks; repeatable."""
    for provider in batch:
        provider.renew_lease(LEASE_SECONDS)
        try:
            with turn_at(provider):
                visit(access_of(provider), "test", [trial_record(provider.zone)])
        except ExpectedError as error:
            # Whoever waits for it hears of a provider that is away now, not on the ladder.
            give_up(provider, error)
            continue
        provider.finish(tested_at=clock.now(), error_code="", error_params={})


def give_up(provider: DnsProvider, error: ExpectedError) -> None:
    provider.finish(tested_at=clock.now(), error_code=error.code, error_params=jobs.storable(error.params))


@transaction.atomic
def remove_provider(*, provider: DnsProvider, actor: Actor) -> None:
    """Forget the credentials. Raises NeedsUser dns_provider_in_use while an issuance has records there."""
    if provider.records.filter(issuance__state__in=Issuance.OPEN_STATES).exists():
        raise NeedsUser("dns_provider_in_use", zone=provider.zone)
    _record("dns_provider.removed", provider, actor, **difference(_shown(provider), {}))
    provider.delete()


def _shown(row: DnsProvider) -> dict[str, str]:
    """What the audit log compares."""
    return {"provider": kinds.get(row.kind).label, **row.config}


def _record(kind: str, row: DnsProvider, actor: Actor, **more: Any) -> None:
    data = {"provider": kinds.get(row.kind).label, "zone": row.zone, **more}
    record(kind, workspace_id=row.workspace_id, actor=actor, data=data)
