"""What pages look like when things go wrong, each on purpose and on real servers."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.journey import LONG, Journey, new_email
from tests.demo.habitat import HOST, Habitat
from tests.shots.album import Album


def shoot_trouble(album: Album, around: Habitat, place: Path) -> None:
    context = album.browser.new_context(base_url=album.base_url)
    page = chromium.new_page(context, Witness())
    walk = Journey(page, around, new_email("unlucky"))
    shoot_refused_forms(album, walk)
    walk.add_domain()
    walk.press("I've added it")
    album.shoot_open("trouble-unconfirmed-address", page)
    walk.confirm_address()
    page.goto("/")
    walk.follow(f"{HOST}:{around.web.https_port}")
    walk.verify()
    walk.start_challenge()
    shoot_early_issue(album, walk)
    walk.publish_records()
    walk.issue()
    walk.open_deploy_tab()
    walk.fill_server()
    shoot_deployments(album, walk)
    context.close()


def shoot_refused_forms(album: Album, walk: Journey) -> None:
    page = walk.page
    page.goto("/account/signup/")
    page.get_by_label("Email").fill(walk.email)
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_label("Password (again)").fill("other")
    walk.press("Create account")
    album.shoot_open("trouble-sign-up", page)
    walk.sign_up()
    walk.follow("+ Add domain")
    page.get_by_label("Hostname").fill("10.0.0.1")
    walk.press("Inspect")
    album.shoot_open("trouble-add-domain", page)


def shoot_early_issue(album: Album, walk: Journey) -> None:
    """Pressed before a single record is published."""
    walk.press("Issue certificate")
    expect(walk.page.locator(".note").first).to_be_visible(timeout=LONG)
    album.shoot_open("trouble-early-issue", walk.page)


def shoot_deployments(album: Album, walk: Journey) -> None:
    """A port where nobody listens, a reload that fails, and a host key that is not the trusted one."""
    page, ssh = walk.page, walk.around.ssh
    page.get_by_label("SSH port").fill("1")
    walk.press("Test SSH")
    wait_for_end(page)
    album.shoot_open("trouble-test-ssh", page)
    page.get_by_label("SSH port").fill(str(ssh.port))
    page.get_by_label("Reload/restart commands").fill("sudo -n systemctl reload no-such-service")
    walk.trust_server()
    walk.save_server()
    walk.press("Deploy now")
    wait_for_end(page)
    album.shoot_open("trouble-reload", page)
    ssh.rotate_host_key()
    walk.press("Deploy now")
    wait_for_end(page)
    album.shoot_open("trouble-host-key", page)
    walk.follow("Activity log")
    album.shoot_open("trouble-activity", page)
    page.goto("/")
    album.shoot_open("trouble-list", page)


def wait_for_end(page: Page) -> None:
    expect(page.get_by_text("Running", exact=True)).to_have_count(0, timeout=LONG)
    expect(page.locator(".note.tone-bad, .note.tone-due").first).to_be_visible(timeout=LONG)
