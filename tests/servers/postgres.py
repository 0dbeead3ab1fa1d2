"""A throw-away PostgreSQL: no durability, local trust, its own data directory."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers.ca import Issued
from tests.servers.child import Child, as_user, is_root
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import NotReadyError, free_port

_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def _binaries() -> Path:
    """The newest server that is installed; Debian keeps it out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not found:
        raise NotReadyError("PostgreSQL's server programs are not installed")
    return found[-1]


class Postgres:
    """A running server on 127.0.0.1; user `postgres` needs no password."""

    def __init__(self, port: int) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.user = "postgres"

    def url(self, database: str = "postgres") -> str:
        """As the setting DATABASE_URL takes it."""
        return f"postgres://{self.user}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Make an empty database, or a copy of one that nobody is connected to; its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            names = map(sql.Identifier, (name, template))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return self.url(name)

    def dump(self, database: str) -> str:
        """The whole database as SQL text."""
        command = [str(_binaries() / "pg_dump"), "--inserts", self.url(database)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def load(self, database: str, dumped: bytes) -> None:
        """SQL text, as `dump` gives it, into an empty database."""
        command = [str(_binaries() / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-1", self.url(database)]
        subprocess.run(command, input=dumped, stdout=subprocess.DEVNULL, check=True)

    def version(self) -> str:
        return _binaries().parent.name


def _initialise(place: Path, user: str | None) -> Path:
    data = place / "data"
    command = [str(_binaries() / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"]
    command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run([*as_user(user), *command], check=True, capture_output=True, cwd="/", env=_environment())
    return data


def _environment() -> dict[str, str]:
    environment = plain_environment()
    environment.pop("HOME", None)
    return environment


def _accepts_queries(server: Postgres) -> bool:
    try:
        psycopg.connect(server.url(), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _with_tls(place: Path, user: str | None, certificate: Issued) -> dict[str, str]:
    certificate.write(place)
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(place / "key.pem", entry.pw_uid, entry.pw_gid)
    return {
        "ssl": "on",
        "ssl_cert_file": str(place / "fullchain.pem"),
        "ssl_key_file": str(place / "key.pem"),
        "ssl_min_protocol_version": "TLSv1.2",
    }


@contextmanager
def postgres(certificate: Issued | None = None) -> Iterator[Postgres]:
    """Start PostgreSQL, with TLS where a certificate is given; as root it runs as `postgres`, for it refuses root."""
    user = "postgres" if is_root() else None
    with private_directory("postgres") as place:
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(place, entry.pw_uid, entry.pw_gid)
        data = _initialise(place, user)
        server = Postgres(free_port())
        options = {
            **_FAST,
            "listen_addresses": server.host,
            "port": str(server.port),
            "unix_socket_directories": str(place),
            "max_connections": "100",
        }
        if certificate:
            options |= _with_tls(place, user, certificate)
        arguments = [part for item in options.items() for part in ("-c", "=".join(item))]
        child = Child(
            "postgres",
            [str(_binaries() / "postgres"), "-D", str(data), *arguments],
            log=place / "postgres.log",
            env=_environment(),
            user=user,
        )
        try:
            child.wait_ready(lambda: _accepts_queries(server), seconds=30)
            yield server
        finally:
            # TERM waits for clients to leave; a throw-away server does not.
            child.stop(seconds=1)
