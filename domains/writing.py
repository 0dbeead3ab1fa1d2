"""Many rows written by one statement.

`bulk_update` of Django builds a CASE per column and row: ten times the time of what follows.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db import connection, models

_AS_THEY_ARE = (models.CharField, models.TextField, models.IntegerField, models.BooleanField)


def update_rows(
    model: type[models.Model], rows: Sequence[Mapping[str, Any]], *, only_if: str = "", released: str = ""
) -> set[uuid.UUID]:
    """UPDATE … FROM over `rows`, each a mapping of column attnames with `id`; the ids that were hit.

    All rows name the same columns. With `only_if`, the name of a column, a row is written only while
    that column still holds the row's own value of it; the column itself is then set to null if it is
    also named in `released`. Runs in the caller's transaction.
    """
    if not rows:
        return set()
    fields = {name: _field(model, name) for name in rows[0]}
    written = [name for name in fields if name not in ("id", only_if)]
    statement = _statement(model, fields, written, only_if, released)
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(_plain(fields, rows))])
        return _ids(cursor.fetchall())


def add_rows(
    model: type[models.Model],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    joined: Sequence[str] = (),
    summed: Sequence[str] = (),
    replaced: Sequence[str] = (),
) -> set[uuid.UUID]:
    """INSERT `rows`, each a mapping of column attnames with `id`; the ids of those that are new.

    Where the unique `key` is there already, the texts `joined` are appended to the old row's and the
    numbers `summed` added to them; `replaced` take the new value. No two rows have the same key. Runs in
    the caller's transaction.
    """
    if not rows:
        return set()
    fields = {name: _field(model, name) for name in rows[0]}
    merged = {**dict.fromkeys(joined, "||"), **dict.fromkeys(summed, "+"), **dict.fromkeys(replaced, "")}
    statement = _insertion(model, fields, key, merged)
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(_plain(fields, rows))])
        return _ids(cursor.fetchall()) & {row["id"] for row in rows}


def _ids(found: Iterable[tuple[Any]]) -> set[uuid.UUID]:
    return {key if isinstance(key, uuid.UUID) else uuid.UUID(str(key)) for (key,) in found}


def _insertion(
    model: type[models.Model], fields: Mapping[str, models.Field], key: Sequence[str], merged: Mapping[str, str]
) -> str:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    columns = ", ".join(quote(name) for name in fields)
    unique = ", ".join(quote(name) for name in key)
    changes = [
        f"{quote(name)} = {f'{table}.{quote(name)} {sign}' if sign else ''} excluded.{quote(name)}"
        for name, sign in merged.items()
    ]
    # Without WHERE, SQLite would take ON CONFLICT for the condition of a join.
    return (
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {_source(fields)} WHERE true "  # noqa: S608  (as below)
        f"ON CONFLICT ({unique}) DO UPDATE SET {', '.join(changes)} RETURNING {table}.{quote('id')}"
    )


def _statement(
    model: type[models.Model], fields: Mapping[str, models.Field], written: Sequence[str], only_if: str, released: str
) -> str:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    # The column of a field is named as its attname throughout this project.
    assignments = [f"{quote(name)} = given.{quote(name)}" for name in written]
    if released:
        assignments.append(f"{quote(released)} = NULL")
    condition = f" AND {table}.{quote(only_if)} = given.{quote(only_if)}" if only_if else ""
    return (
        f"UPDATE {table} SET {', '.join(assignments)} FROM {_source(fields)} "  # noqa: S608  (names come from models)
        f"WHERE {table}.{quote('id')} = given.{quote('id')}{condition} RETURNING {table}.{quote('id')}"
    )


def _source(fields: Mapping[str, models.Field]) -> str:
    """The rows as a table out of one JSON parameter."""
    quote = connection.ops.quote_name
    if connection.vendor == "postgresql":
        columns = ", ".join(f"{quote(name)} {_column_type(field)}" for name, field in fields.items())
        return f"jsonb_to_recordset(%s::jsonb) AS given({columns})"
    columns = ", ".join(f"json_extract(value, '$.{name}') AS {quote(name)}" for name in fields)
    return f"(SELECT {columns} FROM json_each(%s)) AS given"  # noqa: S608  (names come from models)


def _column_type(field: models.Field) -> str:
    kind = field.rel_db_type(connection) if field.is_relation else field.db_type(connection)
    return str(kind)


def _field(model: type[models.Model], attname: str) -> models.Field:
    return next(field for field in model._meta.concrete_fields if field.attname == attname)


def _plain(fields: Mapping[str, models.Field], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    # Texts and whole numbers are what they are: asking their fields costs more than all the rest.
    asked = {name: _writer(field) for name, field in fields.items() if not isinstance(field, _AS_THEY_ARE)}
    same = [name for name in fields if name not in asked]
    return [
        {name: row[name] for name in same}
        | {name: None if row[name] is None else written(row[name]) for name, written in asked.items()}
        for row in rows
    ]


def _writer(field: models.Field) -> Callable[[Any], Any]:
    """How the field's values, None left out, are written in JSON as the database keeps them."""
    is_postgresql = connection.vendor == "postgresql"
    # Most of what is asked for, and PostgreSQL takes both as they are: asking the field costs four times as much.
    if is_postgresql and isinstance(field, models.DateTimeField):
        return datetime.isoformat
    if is_postgresql and isinstance(field, (models.UUIDField, models.ForeignKey)):
        return str
    if isinstance(field, models.JSONField):
        # SQLite keeps JSON as text, and would unfold a nested document.
        return _as_it_is if is_postgresql else json.dumps
    return partial(_value, field)


def _as_it_is(value: Any) -> Any:
    return value


def _value(field: models.Field, value: Any) -> Any:
    stored = field.get_db_prep_save(value, connection)
    if isinstance(stored, date):
        return stored.isoformat()
    return str(stored) if isinstance(stored, uuid.UUID) else stored
