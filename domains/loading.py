"""What a visit needs to have read before it begins, for a whole batch at once."""

from collections.abc import Sequence

from django.db.models import QuerySet

from accounts.models import Workspace
from domains.models import Visit

# Texts, and what visits write without reading it.
UNREAD = (
    *("inspection__leaf", "inspection__chain", "inspection__address", "inspection__tls_version"),
    *("inspection__cipher", "inspection__digest", "inspection__is_trusted", "inspection__last_seen_at"),
    *("domain__notes", "domain__readable", "domain__mode", "domain__state", "domain__urgency"),
    *("domain__needs_action", "domain__expires_at", "domain__created_by"),
)


def with_what_a_visit_reads(visits: QuerySet[Visit]) -> Sequence[Visit]:
    """Visits with their domains and last inspections, without what is not read of these, and with their workspaces.

    Two queries. Workspaces are few, and one object for each serves all its domains.
    """
    rows = list(visits.select_related("domain", "inspection").defer(*UNREAD))
    homes = Workspace.objects.in_bulk({row.workspace_id for row in rows})
    for row in rows:
        row.domain.workspace = homes[row.workspace_id]
    return rows
