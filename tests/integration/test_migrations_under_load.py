"""A migration beside people at work: nobody waits for it, and one that was cut is run again."""

import sys
from pathlib import Path

import psycopg
import pytest

from tests.integration.full_portal import portal_of
from tests.servers.child import Child
from tests.servers.places import ROOT
from tests.servers.portal import Portal
from tests.servers.ports import wait_until
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.timeout(180)
APP, BEFORE, INDEX = "notifications", "0005", "delivery_by_settling"
IS_BUILDING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%'"
IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


@pytest.fixture
def portal(postgres_server: Postgres, tmp_path: Path) -> Portal:
    """As the release before left its database."""
    made = portal_of(postgres_server, tmp_path)
    made.manage("migrate", APP, BEFORE)
    return made


def migrating(portal: Portal, tmp_path: Path) -> Child:
    environment = {**portal.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "manage.py", "migrate", APP]
    return Child("migrate", command, log=tmp_path / "migrate.log", env=environment, cwd=ROOT)


def write(connection: psycopg.Connection) -> None:
    """Takes the lock that every write of the table takes; raises where it has to wait for it."""
    connection.execute("SET lock_timeout = '2s'")
    connection.execute("UPDATE notifications_delivery SET subject = subject")


def is_valid(url: str) -> bool | None:
    with psycopg.connect(url) as connection:
        row = connection.execute(IS_VALID, [INDEX]).fetchone()
    return row[0] if row else None


def is_building(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"{IS_BUILDING} AND pid <> pg_backend_pid()").fetchone()
    return bool(row and row[0])


def test_people_write_while_an_index_is_built_and_a_cut_build_is_run_again(portal: Portal, tmp_path: Path) -> None:
    url = portal.environment["DATABASE_URL"]
    assert is_valid(url) is None
    with psycopg.connect(url) as somebody:
        write(somebody)  # and is not done with it
        child = migrating(portal, tmp_path)
        wait_until(lambda: is_building(url), seconds=60, what="the build")
        with psycopg.connect(url) as another:
            write(another)
        with psycopg.connect(url, autocommit=True) as operator:
            killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CON%'"
            operator.execute(f"{killed} AND pid <> pg_backend_pid()")
        wait_until(child.has_ended, seconds=60, what="the end of the migration")
    assert is_valid(url) is False, "the cut build left what nobody may use"
    portal.manage("migrate", APP)
    assert is_valid(url) is True
