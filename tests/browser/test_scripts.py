"""The small scripts that make pages nicer; every page works without them."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from config.lib import wording

# Far enough from the edge of a unit that the seconds of a slow run do not matter.
SECONDS = (0, -40, 130, -14 * 60 - 30, 99 * 60 - 30, 130 * 60, -30 * 3600 - 60, 12 * 86400 + 600, -800 * 86400)


def test_the_browser_words_times_as_the_server_does(page: Page) -> None:
    page.goto("/docs/")
    now = datetime.now(UTC)
    moments = [now + timedelta(seconds=seconds) for seconds in SECONDS]
    shown = page.evaluate(
        """(moments) => {
          for (const moment of moments) {
            const time = document.createElement("time");
            time.dateTime = moment;
            time.dataset.relative = "";
            document.querySelector("main").append(time);
          }
          document.dispatchEvent(new Event("visibilitychange"));
          return [...document.querySelectorAll("time[data-relative]")].map((time) => time.textContent);
        }""",
        [moment.isoformat() for moment in moments],
    )
    assert shown == [wording.relative(moment, now) for moment in moments]


@pytest.mark.parametrize("answer", ["Delete it", "Cancel"])
def test_a_form_that_asks_is_sent_only_after_a_yes(page: Page, answer: str) -> None:
    page.goto("/docs/")
    page.evaluate(
        """() => {
          const form = document.createElement("form");
          form.action = "/docs/errors/";
          form.dataset.confirm = "shop.example.net and its history are deleted.";
          form.dataset.confirmLabel = "Delete it";
          form.innerHTML = "<button>Delete</button>";
          document.querySelector("main").append(form);
        }"""
    )
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog", name="shop.example.net and its history are deleted.")
    expect(dialog).to_be_visible()
    assert page.evaluate("document.activeElement.textContent") == "Cancel"
    dialog.get_by_role("button", name=answer).click()
    expect(dialog).to_be_hidden()
    if answer == "Delete it":
        page.wait_for_url("**/docs/errors/**")
    else:
        assert page.url.endswith("/docs/")


def test_a_portal_that_does_not_answer_is_told(signed_in: Page) -> None:
    """Only what htmx reports matters here; the strip goes away with the next answer."""
    strip = signed_in.get_by_text("The portal does not answer.")
    expect(strip).to_be_hidden()
    signed_in.evaluate("document.dispatchEvent(new CustomEvent('htmx:sendError', {detail: {}}))")
    expect(strip).to_be_visible()
    signed_in.evaluate("document.dispatchEvent(new CustomEvent('htmx:afterRequest', {detail: {xhr: {status: 200}}}))")
    expect(strip).to_be_hidden()
