"""The Audit logs page: a workspace that begins, a busy one, each quick filter, details, and nothing found."""

import subprocess
import sys
from pathlib import Path

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, confirm_password, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.servers.places import ROOT
from tests.shots.album import Album
from tests.shots.seeding import seed


def shoot_audit(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"audit@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"audit@{ZONE}", made["workspace"])
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    base = f"/w/{person.workspace_id}/audit-logs/"
    for name, path in (("audit-begins", base), ("audit-no-runs", f"{base}?show=runs")):
        page.goto(path)
        album.shoot_open(name, page)
    seed(around, person.workspace_id, with_people=True)
    _plant(around, person.workspace_id)
    for name, query in (
        ("audit", ""),
        ("audit-security", "?show=security"),
        ("audit-runs", "?show=runs"),
        ("audit-nothing", "?person=nobody@example.net"),
        ("audit-no-day", "?start=yesterday"),
    ):
        page.goto(f"{base}{query}")
        album.shoot_open(name, page)
    page.goto(base)
    page.locator(".audit tr", has_text="changed the deployment settings").locator("summary").click()
    album.shoot_open("audit-details", page)
    for name, path in (("audit-keeping", f"{base}keeping/"), ("audit-keeping-edit", f"{base}keeping/edit/")):
        page.goto(path)
        if page.get_by_label("Password").is_visible():
            confirm_password(page, person)
        album.shoot_open(name, page)
    page.get_by_label("Keep events").select_option("90 days")
    page.get_by_role("button", name="Save").click()
    _plant(around, person.workspace_id, "archive")
    page.reload()
    album.shoot_open("audit-archives", page)
    # With its weight, of as many lines as a page holds.
    _plant(around, person.workspace_id, "fill")
    album.shoot("audit-full", base, state=page.context.storage_state())
    page.context.close()


def _plant(around: Habitat, workspace_id: str, how: str = "plant") -> None:
    """By a process of the portal's own."""
    environment = {**around.portal.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    code = f"import django; django.setup(); from tests.shots.audit_rows import {how}; {how}({workspace_id!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
