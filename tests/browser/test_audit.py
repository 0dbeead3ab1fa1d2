"""The Audit logs page as an admin uses it: find a line, open it, take it out as CSV and PDF."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Person, sign_in


def test_an_admin_finds_a_line_and_exports_it(page: Page, resident: Person, tmp_path: Path) -> None:
    sign_in(page, resident)
    page.goto(f"/w/{resident.workspace_id}/team/")
    page.get_by_role("link", name="Audit logs").click()
    expect(page.get_by_role("heading", name="Audit logs")).to_be_visible()
    page.get_by_role("link", name="Security", exact=True).click()
    page.get_by_label("Kind").select_option("workspace.created")
    page.get_by_role("button", name="Show").click()
    line = page.get_by_role("row").filter(has_text="made the workspace")
    expect(line).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text="joined as admin")).to_have_count(0)
    line.get_by_text("workspace.created").click()
    expect(line.get_by_text("Id", exact=True)).to_be_visible()
    told = _download(page, "Export CSV", tmp_path).decode("utf-8-sig").splitlines()
    assert told[0].startswith("time,kind,severity,what,who")
    assert told[1].split(",")[1] == "workspace.created"
    assert not any(",member.added," in line for line in told)
    assert _download(page, "Export PDF", tmp_path).startswith(b"%PDF-")


def _download(page: Page, name: str, place: Path) -> bytes:
    with page.expect_download() as begun:
        page.get_by_role("link", name=name).click()
    path = place / begun.value.suggested_filename
    begun.value.save_as(path)
    return path.read_bytes()
