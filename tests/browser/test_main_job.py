"""The walk of a newcomer, from sign-up to a certificate that is seen being served."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.journey import Journey, new_email, walk_all
from tests.demo.habitat import Habitat


@pytest.mark.timeout(300)
@pytest.mark.parametrize("has_scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_newcomer_gets_a_certificate_served(page: Page, around: Habitat, has_scripts: bool, tmp_path: Path) -> None:
    faults: list[str] = []

    def look(name: str, page: Page) -> None:
        if has_scripts:
            faults.extend(f"{name}: {fault}" for fault in chromium.faults_in_both_themes(page))

    walk_all(Journey(page, around, new_email("newcomer" if has_scripts else "plain"), look=look), tmp_path)
    assert faults == []
