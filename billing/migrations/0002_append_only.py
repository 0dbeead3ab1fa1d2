"""Entries of the ledger are append-only by trigger, on both databases; they go with a workspace that is being deleted."""

from typing import Any

from django.db import migrations

SQLITE = (
    """
CREATE TRIGGER billing_entry_no_update BEFORE UPDATE ON billing_entry
BEGIN SELECT RAISE(ABORT, 'entries of the ledger are append-only'); END
""",
    """
CREATE TRIGGER billing_entry_no_delete BEFORE DELETE ON billing_entry
WHEN EXISTS (SELECT 1 FROM accounts_workspace w WHERE w.id = OLD.workspace_id AND w.closing_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'entries of the ledger are append-only'); END
""",
)
POSTGRES = """
CREATE FUNCTION billing_entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND NOT EXISTS (
    SELECT 1 FROM accounts_workspace w WHERE w.id = OLD.workspace_id AND w.closing_at IS NULL
  ) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'entries of the ledger are append-only';
END $$;
CREATE TRIGGER billing_entry_guard BEFORE UPDATE OR DELETE ON billing_entry
  FOR EACH ROW EXECUTE FUNCTION billing_entry_guard();
"""


def add_triggers(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES, params=None)
        return
    for statement in SQLITE:
        schema_editor.execute(statement, params=None)


def drop_triggers(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "DROP TRIGGER billing_entry_guard ON billing_entry; DROP FUNCTION billing_entry_guard()", params=None
        )
        return
    schema_editor.execute("DROP TRIGGER billing_entry_no_update")
    schema_editor.execute("DROP TRIGGER billing_entry_no_delete")


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("accounts", "0007_chores")]
    operations = [migrations.RunPython(add_triggers, drop_triggers)]
