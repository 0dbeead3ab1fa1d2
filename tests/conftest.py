"""Fixtures that every test may use."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from tests.servers.migrated import migrated_sqlite

# How long an example takes is the machine's business.
hypothesis.settings.register_profile("tests", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("tests")

NO_WORKSPACE = "00000000-0000-0000-0000-000000000000"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that wait longest are begun first: begun last, one of them would be waited for alone."""
    slow = {item.path for item in items if item.get_closest_marker("timeout")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings: None) -> bool:
    """pytest-django's: on SQLite the database is there when the tests begin, as all migrations leave it."""
    if connection.vendor != "sqlite":
        return False
    Path(connection.settings_dict["TEST"]["NAME"]).write_bytes(migrated_sqlite())
    return True


@pytest.fixture(autouse=True)
def _no_mail_is_left() -> Iterator[None]:
    """Without a mail server mail is written below VAR_DIR, which the tests of one process share."""
    yield
    shutil.rmtree(settings.VAR_DIR / "mail", ignore_errors=True)


@pytest.fixture(autouse=True)
def _past_is_open_at_teardown(request: pytest.FixtureRequest) -> Iterator[None]:
    """Events are append-only by trigger; a transactional test's clean-up needs their past opened."""
    marker = request.node.get_closest_marker("django_db")
    transactional = bool(marker and marker.kwargs.get("transaction")) or "transactional_db" in request.fixturenames
    if transactional:
        request.getfixturevalue("transactional_db")
    yield
    if transactional:
        _delete_events()
        _delete_entries()


def _delete_entries() -> None:
    """The ledger goes with its workspace alone."""
    from accounts.models import Workspace
    from billing.models import Entry

    if Entry.unscoped.exists():
        Workspace.objects.update(closing_at=timezone.now())
        Entry.unscoped.all().delete()


def _delete_events() -> None:
    from auditlog.models import Event, Retention, Seal  # after Django's set-up

    owners = {owner for model in (Event, Seal) for (owner,) in model._base_manager.values_list("workspace_id")}
    for owner in owners:
        Retention.objects.update_or_create(
            workspace_id=owner or NO_WORKSPACE, defaults={"before": timezone.now() + timedelta(days=36500)}
        )
    Event.unscoped.all().delete()
    Seal.objects.all().delete()
