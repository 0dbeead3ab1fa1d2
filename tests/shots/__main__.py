"""`make screenshots`: every page and state as PNG under var/screenshots/, with an index.html.

    python -m tests.shots [strangers] [empty] [seeded] [walk] [trouble] [google]

The portal and all servers around it are real; one workspace is seeded, one is empty, and a third
lives through the main job while its pages are photographed.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.browser.google import google
from tests.browser.journey import Journey, new_email, walk_all
from tests.demo.habitat import ZONE, Habitat, habitat
from tests.servers.places import ROOT, private_directory
from tests.shots.album import Album
from tests.shots.google import shoot_google
from tests.shots.trouble import shoot_trouble

STRANGERS = {
    "sign-in": "/account/login/",
    "sign-up": "/account/signup/",
    "password-reset": "/account/password/reset/",
    "password-reset-sent": "/account/password/reset/done/",
    "docs": "/docs/",
    "docs-first-certificate": "/docs/first-certificate/",
    "docs-google": "/docs/google/",
    "docs-errors": "/docs/errors/",
}
OWN_PAGES = {
    "account-email": "/account/email/",
    "account-password": "/account/password/change/",
    "account-google": "/account/google/account/",
    "mfa": "/account/2fa/",
}
WORKSPACE_PAGES = {
    "domains": "domains/",
    "domain-add": "domains/add/",
    "team": "team/",
    "settings-general": "settings/",
    "settings-tokens": "settings/tokens/",
    "settings-security": "settings/security/",
}


def seed(around: Habitat, workspace_id: str) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.shots.seed", workspace_id],
        cwd=ROOT,
        env={**around.portal.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def remember(album: Album, person: Person) -> Mapping[str, Any]:
    """Sign in once; the storage state that later pages start with."""
    context = album.browser.new_context(base_url=album.base_url)
    sign_in(chromium.new_page(context, Witness()), person)
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


def shoot_seeded(album: Album, around: Habitat, place: Path) -> None:
    person = make_person(around, "owner", "Acme Inc")
    planted = seed(around, person.workspace_id)
    state = remember(album, person)
    for name, path in WORKSPACE_PAGES.items():
        album.shoot(name, f"/w/{person.workspace_id}/{path}", state=state)
    for name, domain_id in planted["domains"].items():
        album.shoot(f"overview-{name}", f"/w/{person.workspace_id}/domains/{domain_id}/", state=state)


def shoot_walk(album: Album, around: Habitat, place: Path) -> None:
    """The main job on real servers, each page as the person sees it at that moment."""

    def look(name: str, page: Page) -> None:
        path = page.url.removeprefix(album.base_url)
        album.shoot(name, path, state=page.context.storage_state())

    context = album.browser.new_context(base_url=album.base_url, viewport={"width": 1280, "height": 800})
    walk_all(Journey(chromium.new_page(context, Witness()), around, new_email("walker"), look=look), place)
    context.close()


def shoot_mails(album: Album, around: Habitat) -> None:
    """Whatever the other parts let the portal send, one of each subject."""
    sources = {mail.subject: mail.message.get_body(("html",)) for mail in around.mail.mails}
    for number, (subject, body) in enumerate(sources.items()):
        words = "-".join(re.findall(r"[a-z]+", subject.lower())[:5])
        if body is not None:
            album.shoot_html(f"mail-{number:02}-{words}", str(body.get_content()))


type Part = Callable[[Album, Habitat, Path], None]

PARTS: dict[str, Part] = {
    "strangers": shoot_strangers,
    "empty": shoot_empty,
    "seeded": shoot_seeded,
    "walk": shoot_walk,
    "trouble": shoot_trouble,
}


def main() -> int:
    with (
        private_directory("shots") as place,
        google() as googles,
        habitat(place, settings=googles.settings) as around,
        chromium.chromium() as browser,
    ):
        album = Album(ROOT / "var" / "screenshots", browser, around.portal.url)
        parts: dict[str, Part] = {**PARTS, "google": partial(shoot_google, googles)}
        for part in sys.argv[1:] or parts:
            parts[part](album, around, place)
        shoot_mails(album, around)
        print(album.write_index())
        print("\n".join(album.faults) or "No faults.")
    return 1 if album.faults else 0


if __name__ == "__main__":
    sys.exit(main())
