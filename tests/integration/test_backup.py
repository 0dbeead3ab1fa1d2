"""Backup, loss, restore: everything serves, nothing fires until a person says so, and no key is in the archive."""

import gzip
import io
import json
import os
import sqlite3
import stat
import subprocess
import tarfile
import zipfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.canaries import leaks
from tests.integration.full_portal import DUE_MAIL, EMAIL, HOST, SECRET, filled, portal_of, read_secrets, sign_in
from tests.servers.portal import Portal
from tests.servers.ports import wait_until
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.timeout(300)

LAST_BEATS = """
import django, json
django.setup()
from config.models import Heartbeat
print(json.dumps({beat.queue: beat.at.isoformat() for beat in Heartbeat.objects.all()}))
"""
TOUCHED = """
import django, json
django.setup()
from config.lib import jobs
rows = {kind.name: jobs.rows_of(kind.model) for kind in jobs.kinds}
print(json.dumps([name for name, found in rows.items() if found.exclude(claims=0, lease_token=None).exists()]))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.proof)])
def server(request: pytest.FixtureRequest) -> Postgres | None:
    return request.getfixturevalue("postgres_server") if request.param == "postgres" else None


def spelled_out(archive: Path) -> dict[str, bytes]:
    """The archive as it is, unpacked, and as SQL text where it is PostgreSQL's compressed form."""
    raw = archive.read_bytes()
    places = {"archive": raw, "tar": gzip.decompress(raw)}
    with tarfile.open(archive) as tar:
        places |= {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    if json.loads(places["manifest.json"])["database"] == "postgresql":
        command = ["pg_restore", "--file=-"]
        places["sql"] = subprocess.run(command, input=places["database"], capture_output=True, check=True).stdout
    return places


def beats(portal: Portal) -> dict[str, str]:
    return dict(json.loads(portal.run_python(LAST_BEATS)))


def wait_for_ticks(portal: Portal) -> None:
    """Until each queue has been rung twice, so that whatever was due at the first has been looked at."""
    for _ in range(2):
        before = beats(portal)
        wait_until(partial(_is_later, portal, before), seconds=60, what="a tick of each queue")


def _is_later(portal: Portal, before: dict[str, str]) -> bool:
    now = beats(portal)
    return all(now.get(queue, "") > before.get(queue, "") for queue in ("work", "inspect"))


def mails(portal: Portal) -> list[Path]:
    return sorted((portal.var_dir / "mail").glob("*.eml"))


def test_backup_loss_restore_and_then_a_persons_word(server: Postgres | None, tmp_path: Path) -> None:
    old = portal_of(server, tmp_path)
    made, archive = filled(old), tmp_path / "portal.backup"
    secrets = read_secrets(old)
    said = old.manage("backup", str(archive))
    assert "SECRETS_ENCRYPTION_KEY is not in it" in said

    # The machine is lost; what is left is the archive, and the keys that were kept elsewhere.
    keys = {name: old.environment[name] for name in ("SECRET_KEY", "SECRETS_ENCRYPTION_KEY")}
    new = portal_of(server, tmp_path, **keys)
    said = new.manage("restore", str(archive))
    assert "manage.py resume" in said
    assert "1 platform_mail" in said
    assert read_secrets(new) == secrets
    assert "whole" in new.manage("verify_audit")
    try:
        new.start()
        assert "manage.py resume" in (new.var_dir / "supervisor.log").read_text()
        wait_for_ticks(new)
        headers = {"Authorization": f"Bearer {made['api_token']}"}
        answer = httpx.get(f"{new.url}/api/domains", headers=headers, trust_env=False)
        assert [domain["hostname"] for domain in answer.json()["items"]] == [HOST]
        assert_everything_serves(new, made)
        assert json.loads(new.run_python(TOUCHED)) == []
        assert mails(new) == []
        assert "1 platform_mail" in new.manage("resume")
        wait_until(lambda: mails(new), seconds=60, what="the mail that was due")
        assert f"To: {EMAIL}\n" in mails(new)[0].read_text()
    finally:
        new.stop()


def assert_everything_serves(portal: Portal, made: dict[str, Any]) -> None:
    """Pages to whoever signs in again, a certificate with the key that was backed up, and the probes of health."""
    options: dict[str, Any] = {"base_url": portal.url, "trust_env": False, "timeout": 30}
    with httpx.Client(**options, cookies=sign_in(portal)) as browser:
        for page in ("domains/", "audit-logs/", "certificates/"):
            answer = browser.get(f"/w/{made['workspace']}/{page}")
            assert (answer.status_code, HOST in answer.text.replace("<wbr>", "")) == (200, True), page
        assert browser.get("/readyz").status_code == 200
    with httpx.Client(**options, headers={"Authorization": f"Bearer {made['api_token']}"}) as script:
        bundle = script.get(f"/api/certificates/{made['certificate']}/bundle.zip")
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as files:
        assert files.read("privkey.pem").decode() == made["key"]


def test_nothing_in_the_archive_can_be_read(server: Postgres | None, tmp_path: Path) -> None:
    portal = portal_of(server, tmp_path)
    made, archive = filled(portal), tmp_path / "portal.backup"
    portal.manage("backup", str(archive))
    canaries = {
        "secret": SECRET.encode(),
        "certificate's key": made["key"].encode(),
        "API token": made["api_token"].encode(),
        "encryption key": bytes.fromhex(portal.environment["SECRETS_ENCRYPTION_KEY"]),
        "SECRET_KEY": portal.environment["SECRET_KEY"].encode(),
    }
    places = spelled_out(archive)
    assert [leak for place, content in places.items() for leak in leaks(canaries, place, content)] == []
    # The search could have found something: the archive holds what is no secret.
    whole = places.get("sql", places["database"])
    assert HOST.encode() in whole
    assert EMAIL.encode() in whole
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_sessions_are_not_in_it(server: Postgres | None, tmp_path: Path) -> None:
    count = "import django; django.setup(); from accounts.models import Session; print(Session.objects.count())"
    portal = portal_of(server, tmp_path)
    filled(portal)
    portal.manage("backup", str(tmp_path / "portal.backup"))
    assert portal.run_python(count).strip() == "1"
    portal.manage("restore", "--replace", str(tmp_path / "portal.backup"))
    assert portal.run_python(count).strip() == "0"


def test_what_would_lose_something_is_refused_and_changes_nothing(server: Postgres | None, tmp_path: Path) -> None:
    portal = portal_of(server, tmp_path)
    filled(portal)
    archive = tmp_path / "portal.backup"
    portal.manage("backup", str(archive))
    secrets = read_secrets(portal)
    with pytest.raises(RuntimeError, match=r"not empty \(1 users?, 1 workspaces?, \d+ events"):
        portal.manage("restore", str(archive))
    other = Portal(portal.var_dir, {**portal.environment, "SECRETS_ENCRYPTION_KEY": "ef" * 32})
    with pytest.raises(RuntimeError, match="sealed with another key"):
        other.manage("restore", "--replace", str(archive))
    damaged = tmp_path / "damaged.backup"
    damaged.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(RuntimeError, match="no whole backup"):
        portal.manage("restore", "--replace", str(damaged))
    assert read_secrets(portal) == secrets
    assert portal.manage("resume").strip() == "The portal was not paused."


def test_a_restore_that_fails_half_way_leaves_the_database_as_it_was(postgres_server: Postgres, tmp_path: Path) -> None:
    """psql's one transaction: the last statement fails, after everything else went well."""
    portal = portal_of(postgres_server, tmp_path)
    filled(portal)
    portal.manage("backup", str(tmp_path / "portal.backup"))
    secrets = read_secrets(portal)
    tools = tmp_path / "bin"
    tools.mkdir()
    script = 'last=$(for each; do case "$each" in *after.sql) echo "${each#--file=}";; esac; done)\n'
    script += 'echo "SELECT 1/0;" >> "$last"\nexec /usr/bin/psql "$@"\n'
    (tools / "psql").write_text(f"#!/bin/sh\n{script}")
    (tools / "psql").chmod(0o755)
    portal.environment["PATH"] = f"{tools}:{os.environ['PATH']}"
    with pytest.raises(RuntimeError, match="division by zero"):
        portal.manage("restore", "--replace", str(tmp_path / "portal.backup"))
    assert read_secrets(portal) == secrets
    assert portal.manage("resume").strip() == "The portal was not paused."


def test_the_databases_password_stands_on_no_command_line(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "pg_dump").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\necho "$PGPASSWORD" > {tmp_path}/had\n')
    (tools / "pg_dump").chmod(0o755)
    script = "import django; django.setup(); from pathlib import Path; from config.backup import postgres"
    script += f"; postgres.dump(Path('{tmp_path}/x'))"
    url = "postgres://ann:hunter%2322@db.test:5433/my%20portal?sslmode=verify-full"
    portal = Portal(tmp_path / "var", {"DATABASE_URL": url, "PATH": f"{tools}:{os.environ['PATH']}"})
    portal.run_python(script)
    assert (tmp_path / "had").read_text() == "hunter#22\n"
    said = (tmp_path / "said").read_text()
    assert "hunter" not in said
    assert "--dbname=postgresql:///my%20portal?host=db.test&port=5433&user=ann&sslmode=verify-full" in said


def test_missing_client_programs_are_named(postgres_server: Postgres, tmp_path: Path) -> None:
    portal = portal_of(postgres_server, tmp_path)
    portal.environment["PATH"] = "/nowhere"
    with pytest.raises(RuntimeError, match="postgresql-client"):
        portal.manage("backup", str(tmp_path / "portal.backup"))
    assert list(tmp_path.glob("*portal*backup*")) == []


def test_a_backup_of_the_other_database_is_refused(postgres_server: Postgres, tmp_path: Path) -> None:
    portal_of(None, tmp_path).manage("backup", str(tmp_path / "portal.backup"))
    fleet = portal_of(postgres_server, tmp_path)
    with pytest.raises(RuntimeError, match="of a sqlite database, and DATABASE_URL names a postgresql one"):
        fleet.manage("restore", str(tmp_path / "portal.backup"))


def test_what_was_destroyed_is_not_in_a_sqlite_backup(tmp_path: Path) -> None:
    """A deleted row's bytes stay in SQLite's file until something else is written over them."""
    portal = portal_of(None, tmp_path)
    with closing(sqlite3.connect(portal.var_dir / "portal.sqlite3")) as connection:
        connection.execute("PRAGMA secure_delete=OFF")  # Debian's SQLite overwrites, others do not.
        connection.execute("CREATE TABLE gone (word TEXT)")
        connection.execute("INSERT INTO gone VALUES (?)", ["abgelegte-Maske" * 100])
        connection.commit()
        connection.execute("DELETE FROM gone")
        connection.commit()
    portal.manage("backup", str(tmp_path / "portal.backup"))
    assert b"abgelegte-Maske" in (portal.var_dir / "portal.sqlite3").read_bytes()
    assert b"abgelegte-Maske" not in spelled_out(tmp_path / "portal.backup")["database"]


def test_it_takes_the_place_of_a_database_that_is_being_read(tmp_path: Path) -> None:
    """Processes that still run see the restored database, not a file that is gone."""
    portal = portal_of(None, tmp_path)
    filled(portal)
    portal.manage("backup", str(tmp_path / "portal.backup"))
    with closing(sqlite3.connect(portal.var_dir / "portal.sqlite3")) as reader:
        reader.execute("DELETE FROM accounts_platformmail")
        reader.commit()
        portal.manage("restore", "--replace", str(tmp_path / "portal.backup"))
        assert reader.execute("SELECT template FROM accounts_platformmail WHERE run_after IS NOT NULL").fetchall() == [
            (DUE_MAIL,)
        ]
        assert reader.execute("SELECT count(*) FROM config_pause").fetchone() == (1,)


def test_a_database_that_cannot_be_written_is_named_and_a_missing_one_is_made(tmp_path: Path) -> None:
    portal = portal_of(None, tmp_path)
    portal.manage("backup", str(tmp_path / "portal.backup"))
    path = portal.var_dir / "portal.sqlite3"
    path.unlink()
    assert "Restored." in portal.manage("restore", str(tmp_path / "portal.backup"))
    path.write_bytes(b"this was a database" * 1000)
    with pytest.raises(RuntimeError, match=r"move .* away, with its -wal"):
        portal.manage("restore", str(tmp_path / "portal.backup"))
