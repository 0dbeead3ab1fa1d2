"""Screenshots of pages at two widths in both themes, with an index and a list of what is wrong on them."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.browser.chromium import Witness

WIDTHS = (1280, 360)


class Album:
    """Writes PNG files into a directory; `faults` are axe findings, overflows and console messages."""

    def __init__(self, directory: Path, browser: Browser, base_url: str) -> None:
        self.directory = directory
        self.browser = browser
        self.base_url = base_url
        self.faults: list[str] = []
        self.names: list[tuple[str, str]] = []
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.glob("*.png"):
            old.unlink()

    def shoot(self, name: str, path: str, *, state: Mapping[str, Any] | None = None, expected: int = 200) -> None:
        """Four pictures of `path` as whoever `state` (a storage state) says, or as a stranger.

        Loaded once: widths and themes are the style sheets' business alone.
        """
        self.names.append((name, path))
        context = self.browser.new_context(
            base_url=self.base_url,
            storage_state=dict(state) if state else None,  # type: ignore[arg-type]
        )
        witness = Witness(expected_statuses={expected})
        page = chromium.new_page(context, witness)
        # Not "networkidle": a page that watches a run never is.
        page.goto(path, wait_until="load")
        if (weight := witness.weight()) > chromium.MAX_PAGE_BYTES:
            self.faults.append(f"{name}: weighs {weight // 1024} KB")
        self._shoot_all(name, page)
        self.faults += [f"{name}: {complaint}" for complaint in witness.complaints]
        context.close()

    def shoot_open(self, name: str, page: Page) -> None:
        """Four pictures of a page as it stands, such as a form that was sent back with its mistakes."""
        self.names.append((name, page.url.removeprefix(self.base_url)))
        self._shoot_all(name, page)

    def shoot_html(self, name: str, source: str) -> None:
        """Four pictures of a mail's HTML part."""
        context = self.browser.new_context()
        page = chromium.new_page(context, Witness())
        page.set_content(source)
        self.names.append((name, "mail"))
        self._shoot_all(name, page, judged=False)
        context.close()

    def _shoot_all(self, name: str, page: Page, *, judged: bool = True) -> None:
        for width in WIDTHS:
            for theme in chromium.THEMES:
                self._shoot(name, page, width, theme, judged)

    def _shoot(self, name: str, page: Page, width: int, theme: Literal["light", "dark"], judged: bool) -> None:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=self.directory / file_name(name, width, theme), full_page=True)
        # axe wants landmarks, which mail programs have no use for.
        faults = chromium.accessibility_faults(page) if judged else []
        if chromium.is_wider_than_screen(page):
            faults.append("wider than the screen")
        self.faults += [f"{name} {width} {theme}: {fault}" for fault in faults]

    def write_index(self) -> Path:
        """index.html: one row per page, its four pictures side by side, and the faults at the top."""
        rows = "".join(_row(name, path) for name, path in self.names)
        faults = "".join(f"<li>{html.escape(fault)}</li>" for fault in self.faults) or "<li>none</li>"
        index = self.directory / "index.html"
        index.write_text(
            "<!doctype html><html lang='en'><meta charset='utf-8'><title>Screenshots</title>"
            "<style>body{font:14px system-ui;margin:20px}img{border:1px solid #999;vertical-align:top}"
            "figure{display:inline-block;margin:0 8px 8px 0}</style>"
            f"<h1>Screenshots</h1><h2>Faults</h2><ul>{faults}</ul>{rows}",
            encoding="utf-8",
        )
        return index


def file_name(name: str, width: int, theme: str) -> str:
    return f"{name}-{width}-{theme}.png"


def _row(name: str, path: str) -> str:
    pictures = "".join(
        f"<figure><a href='{file_name(name, width, theme)}'><img loading='lazy' src='{file_name(name, width, theme)}' "
        f"width='{600 if width > 400 else 180}' alt='{name}, {width} px, {theme}'></a></figure>"
        for width in WIDTHS
        for theme in chromium.THEMES
    )
    return f"<h2>{html.escape(name)}</h2><p><code>{html.escape(path)}</code></p>{pictures}"
