"""`make screenshots`: every page and state as PNG under var/screenshots/, with an index.html.

    python -m tests.shots [part …]     one or more of PARTS below; all of them by default
    python -m tests.shots [strangers] [empty] [seeded] [inspection] [adding] [walk] [team] [feeds] [gateways]
                          [alerts] [rules] [shelf] [audit] [authorities] [handsfree] [autorenew] [panels]
                          [billing] [replacing] [servers] [trouble] [paused] [google]

The portal and all servers around it are real; one workspace is seeded, one is empty, and a third
lives through the main job while its pages are photographed.
"""

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, confirm_password, sign_in
from tests.browser.google import google
from tests.browser.journey import Journey, new_email, walk_all
from tests.demo.habitat import ZONE, Habitat, habitat
from tests.servers.places import ROOT, private_directory
from tests.shots.adding import shoot_adding
from tests.shots.album import Album
from tests.shots.alerts import shoot_alerts
from tests.shots.audit import shoot_audit
from tests.shots.authorities import shoot_authorities
from tests.shots.autorenew import shoot_autorenew
from tests.shots.billing import shoot_billing
from tests.shots.feeds import shoot_feeds
from tests.shots.gateways import shoot_gateways
from tests.shots.google import shoot_google
from tests.shots.handsfree import SETTINGS as HANDSFREE_SETTINGS
from tests.shots.handsfree import shoot_handsfree
from tests.shots.inspection import shoot_inspection
from tests.shots.panels import shoot_panels
from tests.shots.replacing import shoot_replacing
from tests.shots.rules import shoot_rules
from tests.shots.second_step import shoot_second_step
from tests.shots.seeding import seed
from tests.shots.servers import shoot_servers
from tests.shots.shelf import shoot_shelf
from tests.shots.team import shoot_team
from tests.shots.trouble import shoot_trouble

STRANGERS = {
    "sign-in": "/account/login/",
    "sign-up": "/account/signup/",
    "password-reset": "/account/password/reset/",
    "password-reset-sent": "/account/password/reset/done/",
    "docs": "/docs/",
    "docs-first-certificate": "/docs/first-certificate/",
    "docs-signing-in": "/docs/signing-in/",
    "docs-google": "/docs/google/",
    "docs-errors": "/docs/errors/",
    "docs-search": "/docs/search/?q=sudo:+a+password+is+required",
    "docs-troubleshooting": "/docs/troubleshooting/",
    "docs-pull": "/docs/pull/",
    "docs-api": "/docs/api/",
    "docs-api-domains": "/docs/api/domains/",
    "docs-api-deployment": "/docs/api/deployment/",
}
OWN_PAGES = {
    "account-email": "/account/email/",
    "account-password": "/account/password/change/",
    "account-google": "/account/google/account/",
    "mfa": "/account/2fa/",
    "sessions": "/account/sessions/",
    "account-invitations": "/account/invitations/",
    "account-data": "/account/data/",
    "workspaces": "/workspaces/",
    "workspace-new": "/workspaces/new/",
}
# Asked for by somebody who has just confirmed the password.
FRESH_PAGES = {
    "account-delete": "/account/delete/",
    "workspace-delete": "/w/{workspace_id}/settings/delete/",
}
WORKSPACE_PAGES = {
    "domains": "domains/",
    "domain-add": "domains/add/",
    "domain-add-many": "domains/add-many/",
    "team": "team/",
    "settings-general": "settings/",
    "settings-tokens": "settings/tokens/",
    "settings-feeds": "settings/feeds/",
    "settings-security": "settings/security/",
}
# The domain's sample and the period.
UPTIME = {
    "ok-24h": "",
    "ok-7d": "?period=7d",
    "ok-30d": "?period=30d",
    "unreachable-24h": "",
    "unreachable-30d": "?period=30d",
    "unverified": "",
    "no_certificate": "",
    "expiring": "",
}


def remember(album: Album, person: Person, *, fresh: bool = False) -> Mapping[str, Any]:
    """Sign in once, and confirm it when `fresh`; the storage state that later pages start with."""
    context = album.browser.new_context(base_url=album.base_url)
    page = chromium.new_page(context, Witness())
    sign_in(page, person)
    if fresh:
        page.goto("/account/delete/")
        confirm_password(page, person)
    state: Mapping[str, Any] = context.storage_state()
    context.close()
    return state


def make_person(around: Habitat, name: str, workspace: str) -> Person:
    email = f"{name}@{ZONE}"
    return Person(email, around.portal.bootstrap(email, workspace, "--password", PASSWORD)["workspace"])


def shoot_strangers(album: Album, around: Habitat, place: Path) -> None:
    for name, path in STRANGERS.items():
        album.shoot(name, path)
    album.shoot("error-404", "/nothing-here/", expected=404)


def shoot_empty(album: Album, around: Habitat, place: Path) -> None:
    person = make_person(around, "empty", "Empty Ltd")
    state = remember(album, person)
    for name, path in OWN_PAGES.items():
        album.shoot(name, path, state=state)
    for name, path in WORKSPACE_PAGES.items():
        album.shoot(f"{name}-empty", f"/w/{person.workspace_id}/{path}", state=state)
    album.shoot("account-delete-alone", FRESH_PAGES["account-delete"], state=remember(album, person, fresh=True))


def shoot_seeded(album: Album, around: Habitat, place: Path) -> None:
    person = make_person(around, "owner", "Acme Inc")
    planted = seed(around, person.workspace_id, with_people=True)
    state = remember(album, person)
    for name, path in WORKSPACE_PAGES.items():
        album.shoot(name, f"/w/{person.workspace_id}/{path}", state=state)
    for name, domain_id in planted["domains"].items():
        album.shoot(f"overview-{name}", f"/w/{person.workspace_id}/domains/{domain_id}/", state=state)
    shoot_uptime(album, f"/w/{person.workspace_id}/domains/", planted["domains"], state)
    fresh = remember(album, person, fresh=True)
    for name, path in FRESH_PAGES.items():
        album.shoot(name, path.format(workspace_id=person.workspace_id), state=fresh)
    member = remember(album, Person(planted["member"], person.workspace_id))
    album.shoot("settings-general-member", f"/w/{person.workspace_id}/settings/", state=member)


def shoot_uptime(album: Album, base: str, domains: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """Every period and state, a bar that the keyboard has reached, and the table."""
    for name, query in UPTIME.items():
        album.shoot(f"uptime-{name}", f"{base}{domains[name.split('-')[0]]}/uptime/{query}", state=state)
    context = album.browser.new_context(base_url=album.base_url, storage_state=dict(state))  # type: ignore[arg-type]
    page = chromium.new_page(context, Witness())
    page.goto(f"{base}{domains['ok']}/uptime/")
    page.locator("svg a[tabindex='0']").focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    album.shoot_open("uptime-bar", page)
    page.get_by_text("Show as a table").click()
    album.shoot_open("uptime-table", page)
    context.close()


def shoot_walk(album: Album, around: Habitat, place: Path) -> None:
    """The main job on real servers, each page as the person sees it at that moment."""

    def look(name: str, page: Page) -> None:
        path = page.url.removeprefix(album.base_url)
        album.shoot(name, path, state=page.context.storage_state())

    context = album.browser.new_context(base_url=album.base_url, viewport={"width": 1280, "height": 800})
    walk_all(Journey(chromium.new_page(context, Witness()), around, new_email("walker"), look=look), place)
    context.close()


def shoot_paused(album: Album, around: Habitat, place: Path) -> None:
    """What staff see of a restored portal that waits for a person's word."""
    person = make_person(around, "staff", "Paused Ltd")
    state = remember(album, person)
    around.portal.run_python(PAUSE, person.email)
    for name, path in (
        ("domains-paused", f"/w/{person.workspace_id}/domains/"),
        ("docs-operating", "/docs/operating/"),
    ):
        album.shoot(name, path, state=state)
    around.portal.manage("resume")


def shoot_mails(album: Album, around: Habitat) -> None:
    """Whatever the other parts let the portal send, one of each subject."""
    sources = {mail.subject: mail.message.get_body(("html",)) for mail in around.mail.mails}
    for number, (subject, body) in enumerate(sources.items()):
        words = "-".join(re.findall(r"[a-z]+", subject.lower())[:5])
        if body is not None:
            album.shoot_html(f"mail-{number:02}-{words}", str(body.get_content()))


PAUSE = """
import sys, django
django.setup()
from accounts.models import User
from config.models import Pause
User.objects.filter(email=sys.argv[1]).update(is_staff=True)
Pause.objects.create(reason="restored from the backup of 2026-11-27 03:00 UTC")
"""

type Shoot = Callable[[Album, Habitat, Path], None]
PARTS: dict[str, Shoot] = {
    "strangers": shoot_strangers,
    "empty": shoot_empty,
    "seeded": shoot_seeded,
    "inspection": shoot_inspection,
    "adding": shoot_adding,
    "walk": shoot_walk,
    "team": shoot_team,
    "feeds": shoot_feeds,
    "alerts": shoot_alerts,
    "rules": shoot_rules,
    "gateways": shoot_gateways,
    "shelf": shoot_shelf,
    "audit": shoot_audit,
    "authorities": shoot_authorities,
    "handsfree": shoot_handsfree,
    "autorenew": shoot_autorenew,
    "panels": shoot_panels,
    "billing": shoot_billing,
    "replacing": shoot_replacing,
    "servers": shoot_servers,
    "trouble": shoot_trouble,
    "paused": shoot_paused,
    "second": shoot_second_step,
}


def main() -> int:
    with (
        private_directory("shots") as place,
        google() as googles,
        habitat(place, settings={**googles.settings, **HANDSFREE_SETTINGS}) as around,
        chromium.chromium() as browser,
    ):
        album = Album(ROOT / "var" / "screenshots", browser, around.portal.url)
        parts: dict[str, Shoot] = {**PARTS, "google": partial(shoot_google, googles)}
        for part in sys.argv[1:] or parts:
            parts[part](album, around, place)
        shoot_mails(album, around)
        print(album.write_index())
        print("\n".join(album.faults) or "No faults.")
    return 1 if album.faults else 0


if __name__ == "__main__":
    sys.exit(main())
