"""Staff delete nothing that would leave no trace."""

from django.contrib import admin

from accounts.staff import ReadOnlyAdmin

ROOMS = {"domains", "certificates", "deploy"}


def test_every_room_shows_its_rows_read_only() -> None:
    pages = {model: page for model, page in admin.site._registry.items() if model._meta.app_label in ROOMS}
    assert {model._meta.app_label for model in pages} == ROOMS
    assert [model for model, page in pages.items() if not isinstance(page, ReadOnlyAdmin)] == []
