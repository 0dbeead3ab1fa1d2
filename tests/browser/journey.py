"""The main job as a person walks it: by what is written on the pages, with or without JavaScript."""

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.demo.habitat import HOST, SSH_HOST, ZONE, Habitat

PASSWORD = "correct horse battery staple"
# A step that waits for DNS, the CA or a server; everything is local, so this is plenty.
LONG = 60_000

type Look = Callable[[str, Page], None]


def look_away(name: str, page: Page) -> None:
    """The default witness of a step: does nothing."""


@dataclass
class Journey:
    """One person's walk; `look(name, page)` is called at every page worth seeing."""

    page: Page
    around: Habitat
    email: str
    workspace: str = "Northwind"
    look: Look = look_away

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def sign_up(self) -> None:
        self.page.goto("/account/signup/")
        self.page.get_by_label("Email").fill(self.email)
        self.page.get_by_label("Organization / workspace").fill(self.workspace)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_label("Password (again)").fill(PASSWORD)
        self.press("Create account")
        expect(self.page.get_by_role("heading", name="Domains", exact=True)).to_be_visible()
        self.look("walk-empty", self.page)

    def confirm_address(self) -> None:
        mail = self.around.mail.wait_for("onfirm your e-mail address", recipient=self.email)
        link = re.search(r"https?://\S+", mail.text())
        assert link, mail.text()
        self.page.goto(link[0])
        self.look("walk-confirm-address", self.page)
        self.press("Confirm")
        expect(self.page.get_by_role("button", name="Confirm", exact=True)).to_be_hidden()

    def add_domain(self) -> None:
        self.page.goto("/")
        self.follow("+ Add domain")
        self.page.get_by_label("Hostname").fill(HOST)
        self.page.get_by_label("Port").fill(str(self.around.web.https_port))
        self.look("walk-add", self.page)
        self.press("Inspect")
        expect(self.page.get_by_role("heading", name=f"{HOST}:{self.around.web.https_port}")).to_be_visible()
        served = self.page.get_by_role("region", name="Served certificate")
        expect(served).to_contain_text("TLS 1.", timeout=LONG)
        expect(served).to_contain_text(f"www.{HOST}")
        expect(self.page.locator("main")).to_contain_text("days left")
        self.look("walk-review", self.page)
        self.follow("Confirm")
        expect(self.page.get_by_role("heading", name="Ownership")).to_be_visible()
        self.look("walk-prove", self.page)

    def verify_too_early(self) -> None:
        """Pressed before the record exists, the page tells what was looked for and what was seen."""
        self.press("I've added it")
        expect(self.page.get_by_text("Not found yet.")).to_be_visible(timeout=LONG)
        self.look("walk-not-verified", self.page)
        self.follow("Do this later")

    def verify(self) -> None:
        ownership = self.page.get_by_role("region", name="Ownership")
        value = ownership.locator("td[data-label='Value'] code").first.inner_text()
        self.around.dns.set_txt(f"_managemycert-verify.{HOST}", value)
        self.press("I've added it")
        expect(ownership.get_by_text("Verified")).to_be_visible(timeout=LONG)
        self.look("walk-verified", self.page)

    def start_challenge(self) -> None:
        self.follow("Let's Encrypt")
        self.look("walk-names", self.page)
        self.page.get_by_label(f"*.{HOST}").check()
        self.page.get_by_label(f"www.{HOST}").check()
        self.press("Get certificate — start DNS challenge")
        expect(self.page.get_by_role("button", name="Issue certificate", exact=True)).to_be_visible(timeout=LONG)
        expect(self.page.get_by_text("Not yet seen").first).to_be_visible(timeout=LONG)
        self.look("walk-records", self.page)

    def publish_records(self) -> None:
        rows = self.page.locator("tr:has(td[data-label='FQDN'])")
        for row in rows.all():
            fqdn = row.locator("td[data-label='FQDN'] code").inner_text()
            self.around.dns.set_txt(fqdn, row.locator("td[data-label='Value'] code").inner_text())
        expect(self.page.get_by_text("Every record is seen")).to_be_visible(timeout=LONG)
        self.look("walk-records-seen", self.page)

    def issue(self) -> None:
        self.press("Issue certificate")
        stored = self.page.get_by_role("region", name="Your certificates")
        expect(stored).to_contain_text(f"*.{HOST}", timeout=LONG)
        self.look("walk-issued", self.page)

    def download_bundle(self, place: Path) -> None:
        """Private keys leave only after the password: signing up did not ask for it, so it is asked now."""
        self.follow("Download ZIP")
        expect(self.page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
        self.look("walk-confirm-password", self.page)
        self.page.get_by_label("Password").fill(PASSWORD)
        with self.page.expect_download() as waited:
            self.press("Confirm")
        waited.value.save_as(place / "bundle.zip")
        with zipfile.ZipFile(place / "bundle.zip") as bundle:
            names = {Path(name).name for name in bundle.namelist()}
            assert names == {"cert.pem", "chain.pem", "fullchain.pem", "privkey.pem", "README.txt"}

    def open_deploy_tab(self) -> None:
        """The tab, whatever page of the domain is open."""
        self.page.goto("/")
        self.follow(f"{HOST}:{self.around.web.https_port}")
        self.follow("Renew & deploy")
        self.look("walk-deploy-empty", self.page)

    def fill_server(self) -> None:
        ssh, web = self.around.ssh, self.around.web
        self.page.get_by_label("SSH host").fill(SSH_HOST)
        self.page.get_by_label("SSH port").fill(str(ssh.port))
        self.page.get_by_label("SSH username").fill(ssh.user.name)
        self.page.get_by_label("SSH private key").fill(ssh.user.private_key)
        self.page.get_by_label("Certificate directories on server").fill(str(web.certificates))
        self.page.get_by_label("Reload/restart commands").fill(web.reload_command)

    def trust_server(self) -> None:
        """Test SSH shows the host key and pins nothing; the person compares and trusts it."""
        self.press("Test SSH")
        expect(self.page.get_by_text(self.around.ssh.fingerprint).first).to_be_visible(timeout=LONG)
        self.look("walk-host-key", self.page)
        self.press("Trust this key")
        expect(self.page.get_by_text(f"host key {self.around.ssh.fingerprint} trusted")).to_be_visible(timeout=LONG)
        self.look("walk-trusted", self.page)

    def save_server(self) -> None:
        self.press("Save deployment settings")
        expect(self.page.locator("main")).not_to_contain_text("Draft")
        assert self.around.ssh.user.private_key.splitlines()[1] not in self.page.content()
        self.look("walk-deploy-ready", self.page)

    def deploy(self) -> None:
        before = self.around.web.fingerprint(HOST)
        self.press("Deploy now")
        expect(self.page.get_by_text("the new certificate was seen being served")).to_be_visible(timeout=LONG)
        self.look("walk-deployed", self.page)
        assert self.around.web.fingerprint(HOST) != before

    def see_state_and_trail(self) -> None:
        """The domain is well again, and the activity log tells how it came to be."""
        self.follow("Activity log")
        expect(self.page.locator("main")).to_contain_text("Serving")
        self.look("walk-activity", self.page)
        self.follow("Overview")
        self.press("Check now")
        expect(self.page.get_by_role("region", name="Served certificate")).to_contain_text("Pebble", timeout=LONG)
        self.look("walk-well", self.page)


def walk_all(walk: Journey, place: Path) -> None:
    """The whole main job, from sign-up to what is served."""
    walk.sign_up()
    walk.confirm_address()
    walk.add_domain()
    walk.verify_too_early()
    walk.verify()
    walk.start_challenge()
    walk.publish_records()
    walk.issue()
    walk.download_bundle(place)
    walk.open_deploy_tab()
    walk.fill_server()
    walk.trust_server()
    walk.save_server()
    walk.deploy()
    walk.see_state_and_trail()


def new_email(name: str) -> str:
    return f"{name}@{ZONE}"
