"""Very many domains in PostgreSQL: copies of one that was made as the portal makes it, by COPY."""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management import call_command
from django.db import connection, models
from psycopg import sql

from accounts.bootstrap import bootstrap_workspace
from accounts.models import Workspace
from auditlog.events import SYSTEM
from config.lib import clock
from domains.add import add_domain
from domains.models import Domain, Visit


def settle(count: int, *, names: Sequence[str], port: int = 443) -> None:
    """Fill an empty database with `count` verified domains called by `names`, a workspace for each round of them.

    Their visits are due at no time yet.
    """
    call_command("migrate", interactive=False, verbosity=0)
    home = Workspace.objects.get(pk=_first_workspace())
    domain = add_domain(workspace=home, actor=SYSTEM, hostname=names[0], port=port)
    domain.verified_at = clock.now()
    visit = Visit.unscoped.get(domain=domain)
    visit.run_after = visit.asked_at = None
    homes = [uuid.uuid4() for _ in range(-(-count // len(names)))]
    ids = [uuid.uuid4() for _ in range(count)]
    _copy(home, ({"id": one} for one in homes))
    _copy(
        domain,
        (
            {"id": one, "workspace_id": homes[n // len(names)], "host": names[n % len(names)]}
            for n, one in enumerate(ids)
        ),
    )
    _copy(
        visit,
        ({"id": uuid.uuid4(), "workspace_id": homes[n // len(names)], "domain_id": one} for n, one in enumerate(ids)),
    )
    Domain.unscoped.filter(pk=domain.pk).delete()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _first_workspace() -> str:
    made = bootstrap_workspace(email="b@bench.example", workspace_name="Bench", password=None, with_token=False)
    return str(made["workspace"])


def _copy(template: models.Model, changes: Iterator[dict[str, Any]]) -> None:
    fields = template._meta.concrete_fields
    usual = {field.attname: _plain(field, getattr(template, field.attname)) for field in fields}
    columns = sql.SQL(", ").join([sql.Identifier(field.attname) for field in fields])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(template._meta.db_table), columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for changed in changes:
            copy.write_row(list({**usual, **changed}.values()))


def _plain(field: models.Field, value: Any) -> Any:
    return json.dumps(value) if isinstance(field, models.JSONField) else value
