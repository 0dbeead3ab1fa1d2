"""What is sealed already gets its seal, one for each chain; and seals are append-only by trigger too.

With the events of a workspace's past they may go, through its Retention row.
"""

import uuid
from typing import Any

from django.db import migrations

NO_WORKSPACE = uuid.UUID(int=0)

SQLITE_UPDATE = """
CREATE TRIGGER auditlog_seal_no_update BEFORE UPDATE ON auditlog_seal
BEGIN SELECT RAISE(ABORT, 'audit seals are append-only'); END
"""

SQLITE_DELETE = """
CREATE TRIGGER auditlog_seal_no_delete BEFORE DELETE ON auditlog_seal
WHEN NOT EXISTS (SELECT 1 FROM auditlog_retention r WHERE r.workspace_id = OLD.workspace_id AND OLD.sealed_at < r.before)
BEGIN SELECT RAISE(ABORT, 'audit seals are append-only'); END
"""

POSTGRES = """
CREATE FUNCTION auditlog_seal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM auditlog_retention r WHERE r.workspace_id = OLD.workspace_id AND OLD.sealed_at < r.before) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'audit seals are append-only';
END $$;
CREATE TRIGGER auditlog_seal_guard BEFORE UPDATE OR DELETE ON auditlog_seal
  FOR EACH ROW EXECUTE FUNCTION auditlog_seal_guard();
"""

DROP_POSTGRES = "DROP TRIGGER auditlog_seal_guard ON auditlog_seal; DROP FUNCTION auditlog_seal_guard()"


def add_seals(apps: Any, schema_editor: Any) -> None:
    event, seal = apps.get_model("auditlog", "Event"), apps.get_model("auditlog", "Seal")
    chained = event._base_manager.filter(seq__isnull=False)
    for owner in list(chained.order_by().values_list("workspace_id", flat=True).distinct()):
        last = chained.filter(workspace_id=owner).order_by("-seq").first()
        seal.objects.create(workspace_id=owner or NO_WORKSPACE, first=1, last=last.seq, hash=last.hash)


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
    schema_editor.execute("DROP TRIGGER auditlog_seal_no_update")
    schema_editor.execute("DROP TRIGGER auditlog_seal_no_delete")


class Migration(migrations.Migration):
    dependencies = [("auditlog", "0007_seals")]
    operations = [
        migrations.RunPython(add_seals, migrations.RunPython.noop),
        migrations.RunPython(add_triggers, drop_triggers),
    ]
