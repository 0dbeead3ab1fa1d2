"""Databases as all migrations leave them, made once: they take longer than all else of a start."""

import fcntl
import hashlib
import secrets
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import django

from tests.servers.places import ROOT, plain_environment, private_directory
from tests.servers.postgres import Postgres

SQLITE = "portal.sqlite3"
KEPT_IN = ROOT / "var" / "migrated"


@cache
def migrated_sqlite() -> bytes:
    """The file of a portal that nobody has used yet; kept from run to run, as long as no migration is another."""
    return _kept(".sqlite3", _sqlite)


def migrated_postgres(server: Postgres, name: str) -> str:
    """Make a database of this name that nobody has used yet; its URL."""
    return server.create_database(name, template=postgres_template(server))


@cache
def postgres_template(server: Postgres) -> str:
    """The name of a database to copy: whoever copies it must find nobody connected to it."""
    name = "migrated"
    server.create_database(name)
    server.load(name, _kept(f".{server.version()}.sql", lambda: _dump(server)))
    return name


def _kept(suffix: str, make: Callable[[], bytes]) -> bytes:
    KEPT_IN.mkdir(parents=True, exist_ok=True)
    kept = KEPT_IN / f"{_fingerprint()}{suffix}"
    with (KEPT_IN / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # The processes of one run all begin with this.
        if not kept.exists():
            _forget_others()
            half = kept.with_suffix(".half")
            half.write_bytes(make())
            half.rename(kept)
    return kept.read_bytes()


def _fingerprint() -> str:
    texts = [f"{path}\n{path.read_text()}" for path in sorted(ROOT.glob("*/migrations/*.py"))]
    return hashlib.sha256("\n".join([django.__version__, *texts]).encode()).hexdigest()


def _forget_others() -> None:
    for path in KEPT_IN.glob("*.s*"):
        if not path.name.startswith(_fingerprint()):
            path.unlink()


def _sqlite() -> bytes:
    with private_directory("migrated") as place:
        _migrate(VAR_DIR=str(place))
        return (place / SQLITE).read_bytes()


def _dump(server: Postgres) -> bytes:
    name = "to_dump"
    _migrate(DATABASE_URL=server.create_database(name))
    return server.dump(name).encode()


def _migrate(**settings: str) -> None:
    keys = {"SECRET_KEY": secrets.token_urlsafe(50), "SECRETS_ENCRYPTION_KEY": secrets.token_hex(32)}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=plain_environment(**keys, **settings), stdin=subprocess.DEVNULL, check=True)
