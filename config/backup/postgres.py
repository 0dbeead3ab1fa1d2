"""pg_dump, pg_restore and psql, as they are on PATH; the password reaches them by their environment alone."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote, urlencode

from django.core.management.base import CommandError
from django.db import connection, connections
from psycopg import sql

from config.backup.left_out import LEFT_OUT
from config.lib import clock
from config.models import Pause

# Everything in our schema that is not an extension's, so that tables of a newer release do not stay behind.
DROP_ALL = """
DO $$ DECLARE item record; BEGIN
FOR item IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
LOOP EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', item.name); END LOOP;
FOR item IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
    AND p.prokind = 'f' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
LOOP EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', item.name); END LOOP;
END $$;
"""


def dump(target: Path) -> None:
    """Copy the database as it is at one moment into a file, while everybody works on."""
    options = [f"--exclude-table-data={table}" for table in LEFT_OUT]
    _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", *options, f"--file={target}", _address())


def load(source: Path, reason: str) -> None:
    """Put the copy in the database's place, paused for `reason`, all at once or not at all."""
    place = source.parent
    script, before, after = place / "restore.sql", place / "before.sql", place / "after.sql"
    _run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(source))
    before.write_text(DROP_ALL, encoding="utf-8")
    after.write_text(_pause_statement(reason), encoding="utf-8")
    connections.close_all()
    # One transaction around all of it: whoever looks sees the database before, or the restored one, paused.
    steps = [f"--file={path}" for path in (before, script, after)]
    _run("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", *steps, _address())


def _pause_statement(reason: str) -> str:
    # A copy that was taken while the portal was paused has the row already.
    statement = sql.SQL(
        "RESET search_path; INSERT INTO {} (id, since, reason) VALUES (1, {}, {}) "
        "ON CONFLICT (id) DO UPDATE SET since = excluded.since, reason = excluded.reason;\n"
    )
    return statement.format(sql.Identifier(Pause._meta.db_table), clock.now().isoformat(), reason).as_string(None)


def _address() -> str:
    """The database without its password, for a command line that everybody on the machine may read."""
    values = connection.settings_dict
    options = {name: str(value) for name, value in values["OPTIONS"].items() if isinstance(value, str)}
    where = {"host": values["HOST"], "port": str(values["PORT"]), "user": values["USER"]}
    query = urlencode({name: value for name, value in {**where, **options}.items() if value}, quote_via=quote)
    return f"--dbname=postgresql:///{quote(values['NAME'], safe='')}?{query}"


def _run(program: str, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise CommandError(
            f"{program} is not on PATH. Install PostgreSQL's client programs (Debian: postgresql-client), "
            "of the server's version or newer."
        )
    environment = {**os.environ, "PGPASSWORD": connection.settings_dict["PASSWORD"], "PGCONNECT_TIMEOUT": "10"}
    try:
        subprocess.run(
            [path, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
    except subprocess.CalledProcessError as error:
        raise CommandError(f"{program} failed, and nothing was changed: {error.stderr.strip()[-1000:]}") from error
