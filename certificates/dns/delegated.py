"""The solver that needs no credentials: the names were handed to the portal's own zone by a CNAME."""

import uuid
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from certificates.models import Authorization, ChallengeValue, Delegation, Issuance
from certificates.records import look_at_records, missing_records
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser

DELEGATED = "delegated"


class Delegated:
    """TXT values that the bundled responder answers at the end of each name's CNAME."""

    label = "by a CNAME to this portal"
    challenge = "dns-01"

    def covers(self, workspace_id: uuid.UUID, names: Sequence[str]) -> bool:
        hosts = {name.removeprefix("*.") for name in names}
        rows = Delegation.objects.for_workspace(workspace_id).filter(host__in=hosts, seen=Authorization.Seen.SEEN)
        return bool(settings.ACME_DNS_ZONE) and rows.count() == len(hosts)

    def present(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        """All values in one go: the responder answers them from the moment on that this is committed."""
        wanted = [row for row in rows if not row.is_proven]
        by_host = delegations_of(issuance, wanted)
        missing = sorted({row.identifier for row in wanted} - set(by_host))
        if missing:
            raise NeedsUser("delegation_missing", names=missing)
        with transaction.atomic():
            for row in wanted:
                ChallengeValue.unscoped.get_or_create(
                    workspace_id=issuance.workspace_id,
                    delegation=by_host[row.identifier],
                    issuance=issuance,
                    value=row.txt_value,
                )
        crash_here("issue.values_served")

    def look(self, issuance: Issuance, rows: Sequence[Authorization]) -> ExpectedError | None:
        look_at_records(rows)
        return missing_records(rows)

    def clean_up(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        """Only this issuance's: another one at the same name keeps its own."""
        ChallengeValue.unscoped.filter(issuance=issuance).delete()
        crash_here("issue.values_removed")


def delegations_of(issuance: Issuance, rows: Sequence[Authorization]) -> dict[str, Delegation]:
    found = Delegation.objects.for_workspace(issuance.workspace_id).filter(host__in={row.identifier for row in rows})
    return {row.host: row for row in found}
