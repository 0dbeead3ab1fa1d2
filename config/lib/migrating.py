"""Operations for migrations that run while the release before serves."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.migrations.operations import AddIndex


class AddIndexBeside(AddIndexConcurrently):
    """AddIndex that lets everybody go on writing; on SQLite, which knows no such way, an ordinary one.

    Its migration says `atomic = False`. Repeatable: what a build that was cut has left is dropped first.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)
            return
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        is_plain = schema_editor.connection.vendor != "postgresql"
        (AddIndex if is_plain else AddIndexConcurrently).database_backwards(
            self, app_label, schema_editor, from_state, to_state
        )
