"""The encryption key changes under a portal at work: killed anywhere, beside writers, on both databases."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.full_portal import filled, portal_of, read_secrets
from tests.servers.places import ROOT
from tests.servers.portal import Portal
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.timeout(240)

NEW = "cd" * 32
# Saves one mail's context over and over until its input ends; prints what it saved last.
WRITER = """
import select, sys, django
django.setup()
from accounts.models import PlatformMail
from config.lib.sealed import Sealed
mail = PlatformMail.objects.get()
number = 0
while not (number and select.select([sys.stdin], [], [], 0)[0]):
    number += 1
    mail.sealed_context = Sealed.of(f"written {number}")
    mail.save(update_fields=["sealed_context"])
    if number == 1:
        print("began", flush=True)
print(f"written {number}")
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.proof)])
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> Portal:
    server: Postgres | None = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    made = portal_of(server, tmp_path)
    filled(made)
    return made


def with_keys(portal: Portal, current: str, old: str = "") -> dict[str, str]:
    return {**portal.environment, "SECRETS_ENCRYPTION_KEY": current, "SECRETS_ENCRYPTION_KEYS_OLD": old}


def writing(environment: dict[str, str]) -> subprocess.Popen[str]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER],
        cwd=ROOT,
        env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "began\n"
    return writer


def test_killed_half_way_it_is_simply_run_again(portal: Portal) -> None:
    secrets, old = read_secrets(portal), portal.environment["SECRETS_ENCRYPTION_KEY"]
    portal.environment = with_keys(portal, NEW, old)
    command = [sys.executable, "manage.py", "rotate_encryption_key"]
    crash = {**portal.environment, "MMC_CRASH_AT": "rotate.after_value:3"}
    killed = subprocess.run(command, cwd=ROOT, env=crash, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert read_secrets(portal) == secrets
    values = sum(map(len, secrets.values()))
    assert f"{values - 3} values resealed; {values} are under the current key" in portal.manage("rotate_encryption_key")
    portal.environment = with_keys(portal, NEW)
    assert read_secrets(portal) == secrets


def test_a_writer_that_still_seals_with_the_old_key_loses_nothing(portal: Portal) -> None:
    """As in a fleet whose processes are restarted one after the other."""
    secrets, old = read_secrets(portal), portal.environment["SECRETS_ENCRYPTION_KEY"]
    writer = writing(with_keys(portal, old, NEW))
    portal.environment = with_keys(portal, NEW, old)
    # It may come to an end between two writes or not: both are right, and the second run decides.
    subprocess.run([sys.executable, "manage.py", "rotate_encryption_key"], cwd=ROOT, env=portal.environment)
    last = writer.communicate("\n")[0].splitlines()[-1]
    assert last.startswith("written ")
    portal.manage("rotate_encryption_key")
    portal.environment = with_keys(portal, NEW)
    now = read_secrets(portal)
    assert now.pop("accounts.PlatformMail.sealed_context") == [last]
    del secrets["accounts.PlatformMail.sealed_context"]
    assert now == secrets
