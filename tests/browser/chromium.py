"""Headless Chromium as installed by Debian, and a witness of everything that a page complains about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright

EXECUTABLE = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PAGE_SECONDS = 15
# The page proper with its styles and scripts; portal.md promises less than 100 KB with everything.
MAX_PAGE_BYTES = 100 * 1024


@dataclass
class Witness:
    """What went wrong in a page while it was used; empty when nothing did."""

    complaints: list[str] = field(default_factory=list)
    # Answers that a test provokes on purpose, such as 404 on the page about nothing.
    expected_statuses: set[int] = field(default_factory=set)
    answers: list[Response] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"pageerror {page.url}: {error}"))
        page.on("response", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        # Chromium repeats every status from 400 up as a console error; `_see` judges those.
        is_status = message.text.startswith("Failed to load resource: the server responded")
        # htmx calls it an error when the next preview takes the place of one that is under way (hx-sync replace). Its
        # `afterRequest` comes before every other error, which has a line of its own.
        is_replaced = message.text.startswith(("htmx:sendAbort,", "htmx:afterRequest,"))
        if message.type in ("error", "warning") and not is_status and not is_replaced:
            self.complaints.append(f"console {message.type}: {message.text}")

    def weight(self) -> int:
        """Bytes that travelled since `answers` was last cleared, headers included."""
        sizes = [answer.request.sizes() for answer in self.answers]
        return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)

    def _see(self, response: Response) -> None:
        self.answers.append(response)
        if response.status >= 400 and response.status not in self.expected_statuses:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def new_page(context: BrowserContext, witness: Witness) -> Page:
    page = context.new_page()
    page.set_default_timeout(PAGE_SECONDS * 1000)
    witness.watch(page)
    return page


def accessibility_faults(page: Page, *, foreign_styles: bool = False) -> list[str]:
    """What axe finds on the page as it stands: one line per rule, with the first element.

    To read style sheets of other sites, axe writes them into the page, which the CSP refuses; where there
    are such, it is to do without.
    """
    return _violations(page, {"preload": not foreign_styles})


def faults_in_both_themes(page: Page) -> list[str]:
    """Everything in the light theme, and in the dark one what a theme can change: the contrast."""
    page.emulate_media(color_scheme="light")
    light = accessibility_faults(page)
    page.emulate_media(color_scheme="dark")
    dark = _violations(page, {"runOnly": ["color-contrast", "link-in-text-block"]})
    return [*(f"light: {fault}" for fault in light), *(f"dark: {fault}" for fault in dark)]


def _violations(page: Page, options: dict[str, Any]) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page, options=options).response["violations"]
    return [f"{page.url} {each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]}" for each in found]


def is_wider_than_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
