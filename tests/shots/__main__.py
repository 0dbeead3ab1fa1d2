"""`make screenshots`: every page and state as PNG under var/screenshots/, with an index.html.

The portal and all servers around it are real; one workspace is seeded, one is empty, and a third
lives through the main job while its pages are photographed.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.habitat import ZONE, Habitat, habitat
from tests.servers.places import ROOT, private_directory
from tests.shots.album import Album

STRANGERS = {
    "sign-in": "/account/login/",
    "sign-up": "/account/signup/",
    "password-reset": "/account/password/reset/",
    "password-reset-sent": "/account/password/reset/done/",
    "docs": "/docs/",
    "docs-first-certificate": "/docs/first-certificate/",
    "docs-errors": "/docs/errors/",
    "api-docs": "/api/docs",
}
OWN_PAGES = {
    "account-email": "/account/email/",
    "account-password": "/account/password/change/",
    "mfa": "/account/2fa/",
}
WORKSPACE_PAGES = {
    "domains": "domains/",
    "domain-add": "domains/add/",
    "team": "team/",
    "settings-general": "settings/",
    "settings-tokens": "settings/tokens/",
    "settings-security": "settings/security/",
    "audit-logs": "audit/",
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


def main() -> int:
    with private_directory("shots") as place, habitat(place) as around, chromium.chromium() as browser:
        album = Album(ROOT / "var" / "screenshots", browser, around.portal.url)
        for name, path in STRANGERS.items():
            album.shoot(name, path)
        album.shoot("error-404", "/nothing-here/", expected=404)

        empty = make_person(around, "empty", "Empty Ltd")
        state = remember(album, empty)
        for name, path in OWN_PAGES.items():
            album.shoot(name, path, state=state)
        for name, path in WORKSPACE_PAGES.items():
            album.shoot(f"{name}-empty", f"/w/{empty.workspace_id}/{path}", state=state)

        owner = make_person(around, "owner", "Acme Inc")
        planted = seed(around, owner.workspace_id)
        state = remember(album, owner)
        for name, path in WORKSPACE_PAGES.items():
            album.shoot(name, f"/w/{owner.workspace_id}/{path}", state=state)
        for name, domain_id in planted["domains"].items():
            album.shoot(f"overview-{name}", f"/w/{owner.workspace_id}/domains/{domain_id}/", state=state)
        print(album.write_index())
        print("\n".join(album.faults) or "No faults.")
    return 1 if album.faults else 0


if __name__ == "__main__":
    sys.exit(main())
