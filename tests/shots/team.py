"""A team as it fills: invitations as each reader sees them, roles, and the questions before a change."""

import re
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.client import Client
from tests.demo.habitat import ZONE, Habitat
from tests.shots.album import Album


def shoot_team(album: Album, around: Habitat, place: Path) -> None:
    owner, client = _make_owner(around, "lead", "Northwind")
    page = _sign_in(album, owner)
    _invite(around, client, "waiting")
    shoot_invited(album, around, client)
    shoot_buttons(album, page, owner)
    page.goto(f"/w/{owner.workspace_id}/settings/tokens/")
    page.get_by_text(re.compile("^Revoke… ")).click()
    album.shoot_open("tokens-ask-revoke", page)
    page.context.close()
    client.close()


def _make_owner(around: Habitat, name: str, workspace: str) -> tuple[Person, Client]:
    made = around.portal.bootstrap(f"{name}@{ZONE}", workspace, "--password", PASSWORD, "--api-token")
    return Person(f"{name}@{ZONE}", made["workspace"]), Client(around.portal.url, made["api_token"])


def _sign_in(album: Album, person: Person) -> Page:
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    return page


def _invite(around: Habitat, client: Client, name: str, role: str = "member") -> tuple[str, str]:
    """The invitation's id and the path in its mail."""
    made = client.post("/invitations", {"email": f"{name}@{ZONE}", "role": role})
    mail = around.mail.wait_for("invites you", recipient=f"{name}@{ZONE}")
    found = re.search(r"/account/invitation/\S+", mail.text())
    assert found, mail.text()
    return str(made["id"]), found[0]


def shoot_invited(album: Album, around: Habitat, client: Client) -> None:
    """One invitation before each kind of reader, and after its end."""
    made = around.portal.bootstrap(f"guest@{ZONE}", "Guest Ltd", "--password", PASSWORD)
    guest = Person(f"guest@{ZONE}", made["workspace"])
    _, link = _invite(around, client, "guest", "admin")
    album.shoot("invitation-stranger", link)
    page = _sign_in(album, guest)
    state = page.context.storage_state()
    album.shoot("invitation-join", link, state=state)
    album.shoot("invitation-waiting", f"/w/{guest.workspace_id}/domains/", state=state)
    album.shoot("account-invitations-waiting", "/account/invitations/", state=state)
    _, for_another = _invite(around, client, "another")
    album.shoot("invitation-other-address", for_another, state=state)
    shoot_unconfirmed(album, for_another)
    page.goto(link)
    page.get_by_role("button", name="Join Northwind").click()
    album.shoot_open("invitation-joined", page)
    page.context.close()
    withdrawn, ended = _invite(around, client, "withdrawn")
    client.send("DELETE", f"/invitations/{withdrawn}")
    album.shoot("invitation-withdrawn", ended, expected=410)
    album.shoot("invitation-used", link, expected=410)
    album.shoot("invitation-unknown", "/account/invitation/nothing/", expected=404)


def shoot_unconfirmed(album: Album, link: str) -> None:
    """Somebody who has just made the account, and has not been to the mailbox yet."""
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    page.goto(link)
    page.get_by_role("link", name="Create an account").click()
    album.shoot_open("invitation-sign-up", page)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    album.shoot_open("invitation-unconfirmed", page)
    page.context.close()


def shoot_buttons(album: Album, page: Page, owner: Person) -> None:
    """A small team with open invitations, and what each button asks or answers."""
    page.goto(f"/w/{owner.workspace_id}/team/")
    album.shoot_open("team-small", page)
    for name in ("Remove", "Make member", "Revoke"):
        page.get_by_text(re.compile(f"^{name}… ")).first.click()
        album.shoot_open(f"team-asks-{name.lower().replace(' ', '-')}", page)
        page.keyboard.press("Escape")
    page.get_by_role("link", name="Invite", exact=True).click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    album.shoot_open("team-invite", page)
    page.get_by_label("E-mail").fill(f"guest@{ZONE}")
    page.get_by_role("button", name="Send invitation").click()
    album.shoot_open("team-invite-refused", page)
