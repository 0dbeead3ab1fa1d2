"""SQLite's own backup API, both ways: it copies and replaces a database that others are using."""

import sqlite3
from contextlib import closing
from pathlib import Path

from django.core.management.base import CommandError
from django.db import connection, connections

from config.backup.left_out import LEFT_OUT
from config.lib import clock
from config.models import Pause

WAIT_SECONDS = 60


def dump(target: Path) -> None:
    """Copy the database as it is at one moment into a file, while everybody works on."""
    with closing(_opened(_own_file())) as source, closing(_opened(target)) as copy:
        source.backup(copy)
        for table in LEFT_OUT:
            copy.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  (names of ours)
        copy.commit()
        # Deleted rows stay in a file until their pages are used again: what was destroyed must not be in a backup.
        copy.execute("VACUUM")
        _check(copy)


def load(source: Path, reason: str) -> None:
    """Put the copy in the database's place, paused for `reason`, all at once or not at all."""
    connections.close_all()
    with closing(_opened(source)) as copy:
        _check(copy)
        copy.execute(
            f"INSERT OR REPLACE INTO {Pause._meta.db_table} (id, since, reason) VALUES (1, ?, ?)",  # noqa: S608
            [clock.now().replace(tzinfo=None).isoformat(" "), reason],
        )
        copy.commit()
        try:
            with closing(_opened(_own_file())) as target:
                copy.backup(target)
        except sqlite3.OperationalError as error:
            raise CommandError(
                f"{_own_file()} cannot be written ({error}): stop the portal, then try again."
            ) from error


def _own_file() -> Path:
    return Path(connection.settings_dict["NAME"])


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=WAIT_SECONDS)


def _check(copy: sqlite3.Connection) -> None:
    try:
        said = copy.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        raise CommandError(f"The copy is damaged ({said}); nothing was changed. See `manage.py doctor`.")
