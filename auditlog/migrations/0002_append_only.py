"""Events are append-only by trigger, on both databases.

Two holes, both narrow: (seq, hash) may be filled once, when the chain is sealed, with nothing else
changing; rows may be deleted while a Retention row opens that workspace's past.
"""

from typing import Any

from django.db import migrations

FROZEN = (
    "id", "workspace_id", "at", "kind", "severity", "actor_kind", "actor_id", "actor_label", "actor_ip",
    "domain_id", "domain_label", "run_id", "data",
)

SQLITE_UPDATE = """
CREATE TRIGGER auditlog_event_no_update BEFORE UPDATE ON auditlog_event
WHEN NOT (OLD.seq IS NULL AND OLD.hash IS NULL AND NEW.seq IS NOT NULL AND NEW.hash IS NOT NULL AND {same})
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
""".format(same=" AND ".join(f"OLD.{column} IS NEW.{column}" for column in FROZEN))

SQLITE_DELETE = """
CREATE TRIGGER auditlog_event_no_delete BEFORE DELETE ON auditlog_event
WHEN NOT EXISTS (SELECT 1 FROM auditlog_retention r WHERE r.workspace_id = COALESCE(OLD.workspace_id, '00000000000000000000000000000000') AND OLD.at < r.before)
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
"""

POSTGRES = """
CREATE FUNCTION auditlog_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.seq IS NULL AND OLD.hash IS NULL AND NEW.seq IS NOT NULL AND NEW.hash IS NOT NULL AND {same} THEN
      RETURN NEW;
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    IF EXISTS (SELECT 1 FROM auditlog_retention r WHERE r.workspace_id = COALESCE(OLD.workspace_id, '00000000-0000-0000-0000-000000000000') AND OLD.at < r.before) THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'audit events are append-only';
END $$;
CREATE TRIGGER auditlog_event_guard BEFORE UPDATE OR DELETE ON auditlog_event
  FOR EACH ROW EXECUTE FUNCTION auditlog_event_guard();
""".format(same=" AND ".join(f"OLD.{column} IS NOT DISTINCT FROM NEW.{column}" for column in FROZEN))

DROP_POSTGRES = "DROP TRIGGER auditlog_event_guard ON auditlog_event; DROP FUNCTION auditlog_event_guard()"


def add_triggers(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES, params=None)
        return
    schema_editor.execute(SQLITE_UPDATE, params=None)
    schema_editor.execute(SQLITE_DELETE, params=None)


def drop_triggers(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DROP_POSTGRES)
        return
    schema_editor.execute("DROP TRIGGER auditlog_event_no_update")
    schema_editor.execute("DROP TRIGGER auditlog_event_no_delete")


class Migration(migrations.Migration):
    dependencies = [("auditlog", "0001_initial")]
    operations = [migrations.RunPython(add_triggers, drop_triggers)]
