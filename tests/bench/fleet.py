"""Very many domains in PostgreSQL: copies by COPY of some that were made, and visited, as the portal does it."""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.core.management import call_command
from django.db import connection, models
from psycopg import sql

from accounts.bootstrap import bootstrap_workspace
from accounts.models import Workspace
from auditlog.events import SYSTEM
from config.lib import clock, jobs
from domains.add import add_domain
from domains.models import Domain, Inspection, Visit


def settle(count: int, *, names: Sequence[str], port: int = 443, visit: bool = False) -> None:
    """Fill an empty database with `count` verified domains called by `names`, a workspace for each round of them.

    Their visits are due at no time. With `visit` each of the names was visited once, for real.
    """
    call_command("migrate", interactive=False, verbosity=0)
    made = bootstrap_workspace(email="b@bench.example", workspace_name="Bench", password=None, with_token=False)
    home = Workspace.objects.get(pk=str(made["workspace"]))
    for name in names:
        add_domain(workspace=home, actor=SYSTEM, hostname=name, port=port)
    Domain.unscoped.update(verified_at=clock.now())
    while visit and jobs.run_due("visit"):
        pass
    Visit.unscoped.update(run_after=None, asked_at=None, priority=jobs.BACKGROUND)
    _multiply(home, -(-count // len(names)) - 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _multiply(home: Workspace, times: int) -> None:
    homes = [uuid.uuid4() for _ in range(times)]
    _copy([home], homes, lambda _, owner: {"id": owner})
    for model in (Domain, Inspection, Visit):
        _copy(list(model.unscoped.filter(workspace=home)), homes, _renamed)


def _renamed(row: models.Model, owner: uuid.UUID) -> dict[str, Any]:
    """A row's keys as its copy has them, by which its copies find one another again."""
    keys = {"id": _key_in(owner, row.pk), "workspace_id": owner}
    for link in ("domain_id", "inspection_id"):
        if old := getattr(row, link, None):
            keys[link] = _key_in(owner, old)
    return keys


def _key_in(owner: uuid.UUID, key: uuid.UUID) -> uuid.UUID:
    return uuid.UUID(int=owner.int ^ key.int)


def _copy(
    rows: Iterable[models.Model], owners: Sequence[uuid.UUID], changed: Callable[[Any, uuid.UUID], dict[str, Any]]
) -> None:
    for row in rows:
        fields = row._meta.concrete_fields
        usual = {field.attname: _plain(field, getattr(row, field.attname)) for field in fields}
        columns = sql.SQL(", ").join([sql.Identifier(field.attname) for field in fields])
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(row._meta.db_table), columns)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for owner in owners:
                copy.write_row(list({**usual, **changed(row, owner)}.values()))


def _plain(field: models.Field, value: Any) -> Any:
    return json.dumps(value) if isinstance(field, models.JSONField) else value
