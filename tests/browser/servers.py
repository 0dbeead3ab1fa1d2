"""Setting up a server by what is written on the pages: detected, applied, trusted, saved, and its own page."""

from playwright.sync_api import expect

from tests.browser.journey import LONG, Journey
from tests.demo.habitat import SSH_HOST


def set_up_by_detection(walk: Journey) -> None:
    """Host, user and key are typed; all else comes from what the server's own configuration says."""
    page, ssh, web = walk.page, walk.around.ssh, walk.around.web
    page.get_by_label("SSH host").fill(SSH_HOST)
    page.get_by_label("SSH port").fill(str(ssh.port))
    page.get_by_label("SSH username").fill(ssh.user.name)
    page.get_by_label("SSH private key").fill(ssh.user.private_key)
    walk.press("Detect platform")
    expect(page.get_by_role("link", name="Apply suggestions")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("list", name="What was found")).to_contain_text("nginx")
    walk.look("servers-detected", page)
    walk.follow("Apply suggestions")
    expect(page.get_by_label("Certificate directories on server")).to_have_value(str(web.certificates))
    expect(page.get_by_label("Reload/restart commands")).to_have_value(f"{_nginx(walk)} -t\n{_nginx(walk)} -s reload")
    walk.look("servers-applied", page)
    walk.press("Save deployment settings")
    expect(page.get_by_text("Deployment settings saved.")).to_be_visible()
    walk.trust_server()


def _nginx(walk: Journey) -> str:
    return walk.around.web.start_command


def see_the_server(walk: Journey) -> None:
    page, ssh = walk.page, walk.around.ssh
    walk.follow("Settings")
    walk.follow("Servers")
    walk.look("servers-list", page)
    walk.follow(SSH_HOST)
    expect(page.locator("main")).to_contain_text(ssh.fingerprint)
    expect(page.get_by_role("table")).to_contain_text(str(walk.around.web.certificates))
    walk.look("servers-page", page)
