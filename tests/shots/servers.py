"""The deploy tab with a server that is detected, applied and trusted; the list of servers and a server's page."""

from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.journey import Journey, new_email
from tests.browser.servers import see_the_server, set_up_by_detection
from tests.demo.habitat import Habitat
from tests.shots.album import Album


def shoot_servers(album: Album, around: Habitat, place: Path) -> None:
    context = album.browser.new_context(base_url=album.base_url)

    def look(name: str, page: Page) -> None:
        if name.startswith("servers"):
            album.shoot(name, page.url.removeprefix(album.base_url), state=page.context.storage_state())

    walk = Journey(chromium.new_page(context, Witness()), around, new_email("operator"), look=look)
    walk.sign_up()
    walk.confirm_address()
    walk.add_domain()
    walk.open_deploy_tab()
    set_up_by_detection(walk)
    page = walk.page
    page.get_by_label("Use sudo for cert install").check()
    page.get_by_label("Set owner:group").fill("www-data:www-data")
    walk.press("Save deployment settings")
    page.get_by_text("Lines to paste on this server").click()
    album.shoot_open("servers-sudo", page)
    see_the_server(walk)
    context.close()
