"""Staff delete nothing that would leave no trace."""

from django.apps import apps
from django.contrib import admin

from accounts.staff import ReadOnlyAdmin

# Rows that say nothing by themselves, are shown beside another, or are counted by the hour.
UNSEEN = {"domaintag", "probehour", "probeday", "visittally"}
ROOMS = {"domains", "certificates", "deploy"}


def test_every_room_shows_its_rows_read_only() -> None:
    pages = {model: page for model, page in admin.site._registry.items() if model._meta.app_label in ROOMS}
    assert {model._meta.app_label for model in pages} == ROOMS
    assert [model for model, page in pages.items() if not isinstance(page, ReadOnlyAdmin)] == []


def test_staff_can_look_at_every_row_of_this_room() -> None:
    shown = {model._meta.model_name for model in admin.site._registry if model._meta.app_label == "domains"}
    assert {model._meta.model_name for model in apps.get_app_config("domains").get_models()} - shown == UNSEEN
