"""From the database to an archive, and back."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import User, Workspace
from auditlog.models import Event
from config.backup import postgres, sqlite
from config.backup.archive import FORMAT, Manifest, digest, read_archive, scratch, write_archive
from config.lib import clock
from config.lib.sealed import fingerprints
from config.sealed_places import UNREADABLE, count_by_key


def make_backup(target: Path) -> Manifest:
    """Write the archive while the portal runs; CommandError says what is missing for it. Blocks."""
    target = target.absolute()
    if not target.parent.is_dir():
        raise CommandError(f"{target.parent} is no directory; make it first.")
    # Before and after: what is sealed anew meanwhile may be in the copy under the one key or the other.
    before = count_by_key()
    with scratch(target.parent) as place:
        payload = place / "payload"
        _engine().dump(payload)
        manifest = Manifest(
            format=FORMAT,
            made_at=clock.now().isoformat(timespec="seconds"),
            database=connection.vendor,
            migrations=sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()),
            keys={**before, **count_by_key()},
            sha256=digest(payload),
        )
        write_archive(target, payload, manifest)
    return manifest


def restore_backup(source: Path, *, replaces: bool, say: Callable[[str], None]) -> Manifest:
    """Put the archive in the database's place, paused; CommandError when it may not be, and then nothing was changed.

    `replaces` allows it although the database has people or events in it.
    """
    _refuse_broken_database()
    with scratch(settings.VAR_DIR) as place:
        manifest, payload = read_archive(source, place)
        _refuse_misfits(manifest)
        if not replaces and (found := what_is_there()):
            raise CommandError(
                f"The database is not empty ({found}). What is in it would be lost: take a backup of it, "
                "then say --replace."
            )
        say(f"Restoring {manifest} …")
        _engine().load(payload, f"restored from {manifest}")
    connections.close_all()
    call_command("migrate", interactive=False, verbosity=0)
    if count_by_key()[UNREADABLE] > manifest.keys.get(UNREADABLE, 0):
        raise CommandError(
            "The database was restored and stays paused, but some of its secrets cannot be opened with the keys that "
            "are set. `manage.py doctor` counts them."
        )
    return manifest


def what_is_there() -> str:
    """What the database holds that a person would miss; empty: nothing."""
    tables = set(connection.introspection.table_names())
    counted = [
        (model, model._default_manager.count()) for model in (User, Workspace, Event) if model._meta.db_table in tables
    ]
    return ", ".join(f"{count} {model._meta.verbose_name_plural}" for model, count in counted if count)


def _refuse_broken_database() -> None:
    try:
        connection.introspection.table_names()
    except DatabaseError as error:
        remedy = "check DATABASE_URL and the server"
        if connection.vendor == "sqlite":
            remedy = f"move {connection.settings_dict['NAME']} away, with its -wal and -shm, and restore again"
        raise CommandError(f"The database cannot be read ({str(error).strip()}): {remedy}.") from error


def _engine() -> ModuleType:
    return postgres if connection.vendor == "postgresql" else sqlite


def _refuse_misfits(manifest: Manifest) -> None:
    if manifest.database != connection.vendor:
        raise CommandError(
            f"This backup is of a {manifest.database} database, and DATABASE_URL names a {connection.vendor} one. "
            "Set DATABASE_URL to the same kind."
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(connection, ignore_no_migrations=True).disk_migrations}
    if newer := sorted(set(manifest.migrations) - known):
        raise CommandError(f"This backup is of a newer release ({newer[-1]}): install that release, then restore.")
    if missing := set(manifest.keys) - {UNREADABLE} - set(fingerprints()):
        raise CommandError(
            f"The secrets in this backup were sealed with another key ({', '.join(sorted(missing))}; yours are "
            f"{', '.join(fingerprints())}). Set SECRETS_ENCRYPTION_KEY, or SECRETS_ENCRYPTION_KEYS_OLD, to the key of "
            "that time; without it they cannot be opened by anybody."
        )
