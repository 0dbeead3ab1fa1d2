"""A server that is set up by `Detect platform`, with and without JavaScript, and its own page."""

import pytest
from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.journey import Journey, new_email
from tests.browser.servers import see_the_server, set_up_by_detection
from tests.demo.habitat import Habitat


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "has_scripts", [True, pytest.param(False, marks=pytest.mark.proof)], ids=["with JavaScript", "without JavaScript"]
)
def test_a_server_is_set_up_from_its_own_configuration(page: Page, around: Habitat, has_scripts: bool) -> None:
    faults: list[str] = []

    def look(name: str, page: Page) -> None:
        if has_scripts:
            faults.extend(f"{name}: {fault}" for fault in chromium.faults_in_both_themes(page))

    walk = Journey(page, around, new_email("servers" if has_scripts else "plain-servers"), look=look)
    walk.sign_up()
    walk.confirm_address()
    walk.add_domain()
    walk.open_deploy_tab()
    set_up_by_detection(walk)
    see_the_server(walk)
    assert faults == []
