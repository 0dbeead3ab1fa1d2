"""Two servers, one certificate, as the walkthrough has it: primary, Add server, webroot of the first, Renew now."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import chromium
from tests.browser.journey import LONG, Journey, new_email
from tests.demo.habitat import HOST, SSH_HOST, ZONE, Habitat
from tests.servers.nginx import Nginx, nginx
from tests.servers.ports import wait_until
from tests.servers.sshd import Sshd, sshd

SECOND = f"web2.{ZONE}"


def fill(row: Locator, host: str, ssh: Sshd, web: Nginx) -> None:
    row.get_by_label("SSH host").fill(host)
    row.get_by_label("SSH port").fill(str(ssh.port))
    row.get_by_label("SSH username").fill(ssh.user.name)
    row.get_by_label("SSH private key").fill(ssh.user.private_key)
    row.get_by_label("Certificate directories on server").fill(str(web.certificates))
    row.get_by_label("Reload/restart commands").fill(f"{web.test_command}\n{web.reload_command}")


def row_of(page: Page, host: str) -> Locator:
    return page.get_by_role("region", name=host, exact=True)


def trust(walk: Journey, host: str, ssh: Sshd) -> None:
    row = row_of(walk.page, host)
    row.get_by_role("button", name="Test SSH").click()
    row = row_of(walk.page, host)
    expect(row.get_by_text(ssh.fingerprint).first).to_be_visible(timeout=LONG)
    row.get_by_role("button", name="Trust this key").click()
    expect(row_of(walk.page, host)).to_contain_text(f"host key {ssh.fingerprint} trusted", timeout=LONG)


def set_up_both(walk: Journey, second: Sshd, web: Nginx) -> None:
    page, around = walk.page, walk.around
    fill(page.get_by_role("region", name="New server"), SSH_HOST, around.ssh, around.web)
    walk.press("Add server")
    fill(page.get_by_role("region", name="New server"), SECOND, second, web)
    row = page.get_by_role("region", name="New server")
    row.get_by_text("File names and proof").click()
    row.get_by_label("Ports to look at").fill(str(web.https_port))
    first = row_of(page, SSH_HOST)
    first.get_by_text("HTTP-01 for Auto-renew (SSH)").click()
    first.get_by_label("HTTP-01 webroot path").fill(str(around.web.document_root))
    trust(walk, SSH_HOST, around.ssh)
    trust(walk, SECOND, second)
    walk.press("Save deployment settings")
    expect(page.get_by_text("Deployment settings saved.")).to_be_visible()
    walk.look("walkthrough-two-servers", page)


def renew(walk: Journey) -> None:
    """The mode, the first certificate by itself, and another one by `Renew now`."""
    page = walk.page
    page.get_by_role("radio", name="Auto-renew (SSH)").check()
    walk.press("Use this mode")
    page.get_by_label("Names in the certificate").fill(f"{HOST} www.{HOST}")
    walk.press("Enable auto-renew")
    card = page.get_by_role("region", name="Auto-renew", exact=True)
    expect_by_and_by(walk, card, "Renews by itself")
    walk.look("walkthrough-renewed", page)


def expect_by_and_by(walk: Journey, where: Locator, words: str) -> None:
    """A page without scripts, or one that does not poll, is loaded again."""

    def is_there() -> bool:
        walk.page.goto(walk.page.url.partition("#")[0])
        return words in where.inner_text()

    wait_until(is_there, seconds=60, every=1, what=f"'{words}' on the page")


def see_the_trail(walk: Journey) -> None:
    """Per target: files, commands, and that the new certificate is served."""
    walk.follow("Activity log")
    main = walk.page.locator("main")
    expect_by_and_by(walk, main, SECOND)
    for host in (SSH_HOST, SECOND):
        expect(main.locator("details", has_text=host).first).to_contain_text("Serving")
    walk.look("walkthrough-activity", walk.page)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "has_scripts", [True, pytest.param(False, marks=pytest.mark.proof)], ids=["with JavaScript", "without JavaScript"]
)
def test_one_certificate_goes_to_both_servers(page: Page, around: Habitat, has_scripts: bool) -> None:
    faults: list[str] = []

    def look(name: str, page: Page) -> None:
        if has_scripts:
            faults.extend(f"{name}: {fault}" for fault in chromium.faults_in_both_themes(page))

    with sshd() as second, nginx(second.user, [HOST]) as web:
        walk = Journey(page, around, new_email("two" if has_scripts else "plain-two"), look=look)
        walk.sign_up()
        walk.confirm_address()
        walk.add_domain()
        walk.follow("Do this later")
        walk.verify()
        walk.open_deploy_tab()
        set_up_both(walk, second, web)
        renew(walk)
        see_the_trail(walk)
        served = around.web.fingerprint(HOST)
        assert web.fingerprint(HOST) == served
        assert served not in (around.web.old.fingerprint, web.old.fingerprint)
        walk.open_deploy_tab()
        walk.press("Renew now")
        expect(page.get_by_role("heading", name=f"Renew {HOST}:{around.web.https_port} now?")).to_be_visible()
        walk.look("walkthrough-renew-early", page)
        walk.press("Renew now")

        def is_renewed() -> bool:
            return around.web.fingerprint(HOST) == web.fingerprint(HOST) != served

        wait_until(is_renewed, seconds=60, what="the renewed certificate on both servers")
    assert faults == []
