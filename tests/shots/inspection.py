"""What inspections show: many problems, a changed certificate, servers that take turns, trusted authorities."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, confirm_password, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.servers.places import ROOT
from tests.shots.album import Album


def plant(around: Habitat, workspace_id: str) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.shots.inspected", workspace_id],
        cwd=ROOT,
        env={**around.portal.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def shoot_inspection(album: Album, around: Habitat, place: Path) -> None:
    email = f"inspector@{ZONE}"
    person = Person(email, around.portal.bootstrap(email, "Acme Inc", "--password", PASSWORD)["workspace"])
    base = f"/w/{person.workspace_id}"
    context = album.browser.new_context(base_url=album.base_url)
    page = chromium.new_page(context, Witness(expected_statuses={422}))
    sign_in(page, person)
    page.goto(f"{base}/settings/authorities/")
    album.shoot_open("authorities-empty", page)
    domains = plant(around, person.workspace_id)
    for name, domain_id in domains.items():
        page.goto(f"{base}/domains/{domain_id}/")
        album.shoot_open(f"inspection-{name}", page)
    page.goto(f"{base}/domains/{domains['changed']}/history/")
    album.shoot_open("inspection-history", page)
    page.goto(f"{base}/settings/authorities/")
    album.shoot_open("authorities", page)
    page.goto(f"{base}/settings/authorities/add/")
    confirm_password(page, person)
    page.get_by_label("Certificates (PEM)").fill(
        "-----BEGIN CERTIFICATE-----\nMIIBnotacertificate\n-----END CERTIFICATE-----"
    )
    page.get_by_role("button", name="Trust them").click()
    page.locator("#id_pem_error").wait_for()
    album.shoot_open("authorities-refused", page)
    context.close()
