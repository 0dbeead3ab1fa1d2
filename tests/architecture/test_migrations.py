"""Migrations run while the release before serves: they expand. What contracts is listed, with the release that left it.

Refused is what breaks the code of the release before (it still reads and writes every column that it knows), and what
locks a table that people are using for longer than a moment.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.db.migrations import Migration, RunPython, RunSQL, SeparateDatabaseAndState
from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from config.lib.migrating import AddIndexBeside

# The last migration of each room that is older than the rule.
BASELINE = {
    "accounts": "0007_chores",
    "auditlog": "0008_seals_append_only",
    "billing": "0004_card_changes",
    "certificates": "0010_pull",
    "config": "0002_heartbeat",
    "deploy": "0008_fix_redirect",
    "domains": "0007_incidents",
    "notifications": "0005_ticket_ends",
}
# `app.migration: refusal`, and why it may be: since which release nothing reads it, or how long the lock is held.
EXCEPTIONS: dict[str, str] = {}

_GONE = (ops.RemoveField, ops.DeleteModel, ops.RenameField, ops.RenameModel, ops.AlterModelTable)
_TOGETHER = (ops.AlterUniqueTogether, ops.AlterIndexTogether, ops.AlterOrderWithRespectTo)


def refusals(operation: Any, before: ProjectState, app: str, made: set[str]) -> Iterator[str]:
    """What is wrong with it, in words. `made` are models of the same migration: nobody uses them yet."""
    name = str(getattr(operation, "model_name", getattr(operation, "name", ""))).lower()
    if isinstance(operation, _GONE):
        yield f"{type(operation).__name__} {name}: the release before still uses it"
    elif isinstance(operation, (RunPython, RunSQL)):
        yield f"{type(operation).__name__}: move data by a chore, in bounded pieces"
    elif name in made:
        return
    elif isinstance(operation, ops.AddField):
        yield from _of_new_field(operation, name)
    elif isinstance(operation, ops.AlterField):
        yield from _of_changed_field(operation, before.models[app, name].fields[operation.name], name)
    else:
        yield from _of_whole_table(operation, name)


def _of_whole_table(operation: Any, name: str) -> Iterator[str]:
    if isinstance(operation, ops.AddIndex) and not isinstance(operation, AddIndexBeside):
        yield f"AddIndex on {name}: use config.lib.migrating.AddIndexBeside"
    if isinstance(operation, (ops.AddConstraint, *_TOGETHER)):
        yield f"{type(operation).__name__} on {name}: old code may break it, and checking it locks the table"


def _of_new_field(operation: ops.AddField, name: str) -> Iterator[str]:
    field: Any = operation.field
    if isinstance(field, models.ManyToManyField):
        return
    if not field.null and not field.has_db_default():
        yield f"AddField {name}.{operation.name}: null=True or a db_default, since old code writes rows without it"
    if field.unique or field.db_index:
        yield f"AddField {name}.{operation.name}: its index locks the table; db_index=False, and AddIndexBeside"


def _of_changed_field(operation: ops.AlterField, old: Any, name: str) -> Iterator[str]:
    new: Any = operation.field
    told = f"AlterField {name}.{operation.name}"
    if old.null and not new.null:
        yield f"{told}: old code still writes null"
    if (new.unique and not old.unique) or (new.db_index and not old.db_index):
        yield f"{told}: its index locks the table"
    if old.get_internal_type() != new.get_internal_type():
        yield f"{told}: another type writes the whole table anew"
    if (old.max_length or 0) > (new.max_length or old.max_length or 0):
        yield f"{told}: old code still writes longer ones"


def faults_of(migration: Migration, before: ProjectState) -> list[str]:
    made: set[str] = set()
    found: list[str] = []
    state = before.clone()
    for operation in migration.operations:
        parts = operation.database_operations if isinstance(operation, SeparateDatabaseAndState) else [operation]
        for part in parts:
            found += refusals(part, state, migration.app_label, made)
        if isinstance(operation, ops.CreateModel):
            made.add(operation.name.lower())
        operation.state_forwards(migration.app_label, state)
    if any(isinstance(each, AddIndexBeside) for each in migration.operations) and migration.atomic:
        found.append("AddIndexBeside: say atomic = False")
    return found


def younger() -> Iterator[tuple[Migration, ProjectState]]:
    """Those after the baseline, each with the state that it finds."""
    loader = MigrationLoader(None)
    for app, last in BASELINE.items():
        older = set(loader.graph.forwards_plan((app, last)))
        names = [key for key in loader.graph.nodes if key[0] == app and key not in older]
        for key in sorted(names):
            yield loader.disk_migrations[key], loader.project_state(key, at_end=False)


def test_every_room_has_a_baseline() -> None:
    loader = MigrationLoader(None)
    ours = {app for app in loader.migrated_apps if (app, BASELINE.get(app, "")) in loader.disk_migrations}
    assert ours == set(BASELINE)
    rooms = {migration.app_label for migration in loader.disk_migrations.values() if _is_ours(migration)}
    assert rooms == set(BASELINE)


def _is_ours(migration: Migration) -> bool:
    return not type(migration).__module__.startswith(("django.", "allauth."))


def test_no_migration_breaks_the_release_before_or_locks_it_out() -> None:
    found = {
        f"{migration.app_label}.{migration.name}: {fault}"
        for migration, before in younger()
        for fault in faults_of(migration, before)
    }
    assert sorted(found - set(EXCEPTIONS)) == []
    assert sorted(set(EXCEPTIONS) - found) == [], "these are needed no more"


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (ops.RemoveField("delivery", "subject"), "the release before still uses it"),
        (ops.DeleteModel("Delivery"), "the release before still uses it"),
        (ops.RenameField("delivery", "subject", "title"), "the release before still uses it"),
        (ops.RenameModel("Delivery", "Message"), "the release before still uses it"),
        (ops.AddField("delivery", "x", models.TextField(default="")), "null=True or a db_default"),
        (ops.AddField("delivery", "x", models.TextField(null=True, unique=True)), "its index locks the table"),
        (ops.AlterField("delivery", "settled_at", models.DateTimeField()), "still writes null"),
        (ops.AlterField("delivery", "subject", models.TextField()), "writes the whole table anew"),
        (ops.AlterField("delivery", "subject", models.CharField(max_length=9)), "still writes longer ones"),
        (ops.AlterField("delivery", "to", models.CharField(max_length=320, unique=True)), "its index locks"),
        (ops.AddIndex("delivery", models.Index(fields=["to"], name="x")), "AddIndexBeside"),
        (AddIndexBeside("delivery", models.Index(fields=["to"], name="x")), "say atomic = False"),
        (ops.AddConstraint("delivery", models.UniqueConstraint(fields=["to"], name="x")), "checking it locks"),
        (RunPython(RunPython.noop), "by a chore"),
        (RunSQL("SELECT 1"), "by a chore"),
        (SeparateDatabaseAndState([ops.DeleteModel("Delivery")]), "the release before still uses it"),
    ],
)
def test_what_contracts_or_locks_is_refused(operation: Any, words: str) -> None:
    (fault,) = _faults(operation)
    assert words in fault


def test_what_expands_passes() -> None:
    fields: list[Any] = [("id", models.UUIDField(primary_key=True))]
    assert (
        _faults(
            ops.CreateModel("Novelty", fields),
            ops.AddIndex("novelty", models.Index(fields=["id"], name="y")),
            ops.AddField("delivery", "x", models.TextField(db_default="")),
            ops.AddField("delivery", "y", models.TextField(null=True)),
            ops.AlterField("delivery", "subject", models.CharField(max_length=900)),
        )
        == []
    )


def _faults(*operations: Any) -> list[str]:
    migration = type("Migration", (Migration,), {"operations": list(operations)})("x", "notifications")
    state = MigrationLoader(None).project_state(("notifications", BASELINE["notifications"]))
    return faults_of(migration, state)
