"""Databases as all migrations leave them, made once per process: they take longer than all else of a start."""

import secrets
import subprocess
import sys
from functools import cache

from tests.servers.places import ROOT, plain_environment, private_directory
from tests.servers.postgres import Postgres

SQLITE = "portal.sqlite3"


@cache
def migrated_sqlite() -> bytes:
    """The file of a portal that nobody has used yet."""
    with private_directory("migrated") as place:
        _migrate(VAR_DIR=str(place))
        return (place / SQLITE).read_bytes()


def migrated_postgres(server: Postgres, name: str) -> str:
    """Make a database of this name that nobody has used yet; its URL."""
    return server.create_database(name, template=_template(server))


@cache
def _template(server: Postgres) -> str:
    name = "migrated"
    _migrate(DATABASE_URL=server.create_database(name))
    return name


def _migrate(**settings: str) -> None:
    keys = {"SECRET_KEY": secrets.token_urlsafe(50), "SECRETS_ENCRYPTION_KEY": secrets.token_hex(32)}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=plain_environment(**keys, **settings), stdin=subprocess.DEVNULL, check=True)
