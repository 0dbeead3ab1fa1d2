"""The walk of a newcomer, from sign-up to a certificate that is seen being served."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.journey import Journey, new_email, walk_all
from tests.demo.habitat import Habitat


@pytest.mark.timeout(300)
@pytest.mark.parametrize("has_scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_newcomer_gets_a_certificate_served(page: Page, around: Habitat, has_scripts: bool, tmp_path: Path) -> None:
    walk = Journey(page, around, new_email("newcomer" if has_scripts else "plain"))
    walk_all(walk, tmp_path)
