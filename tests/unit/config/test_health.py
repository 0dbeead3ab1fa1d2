"""What load balancers are told: whether this process lives, and whether it can serve."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from accounts.models import PlatformMail
from config.lib import clock
from config.models import Pause

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def ready() -> tuple[int, Any]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def test_a_process_that_lives_says_so_without_asking_the_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_one_that_has_all_it_needs_is_ready() -> None:
    assert ready() == (200, {"ready": True, "reasons": []})


def test_late_work_and_a_pause_are_none_of_its_business() -> None:
    PlatformMail.objects.create(to="a@b.test", template="x", run_after=clock.now() - timedelta(days=3))
    Pause.objects.create(reason="restored")
    assert ready()[0] == 200


def test_without_the_key_it_is_not_ready(settings: Settings) -> None:
    settings.SECRETS_ENCRYPTION_KEYS = ()
    assert ready() == (503, {"ready": False, "reasons": ["no encryption key"]})


def test_before_the_migrations_it_is_not_ready() -> None:
    MigrationRecorder(connection).record_unapplied("config", "0002_heartbeat")
    status, said = ready()
    assert status == 503
    assert said["reasons"] == ["1 migrations are not applied; run manage.py migrate"]
