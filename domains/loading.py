"""What a visit needs to have read before it begins, for a whole batch in one query."""

from django.db.models import QuerySet

from domains.models import Visit


def with_what_a_visit_reads(visits: QuerySet[Visit]) -> QuerySet[Visit]:
    """Visits with their domains, workspaces and last inspections, without the large texts of these."""
    rows = visits.select_related("domain__workspace", "inspection")
    return rows.defer("inspection__leaf", "inspection__chain", "domain__notes")
