"""What every page of the admin site has in common: nothing is changed unseen."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import models
from django.http import HttpRequest

from accounts.access import user_actor
from auditlog.events import Actor, record


class ReadOnlyAdmin(admin.ModelAdmin):
    """Evidence: staff may look."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RecordedAdmin(ReadOnlyAdmin):
    """Staff may change some of it; each change is an event, and writes only the fields that changed."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        obj.save(update_fields=form.changed_data)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        """Called by Django's admin inside the change's own transaction."""
        changed = message[0].get("changed", {}).get("fields", []) if isinstance(message, list) and message else []
        record_staff_change(request, obj, f"changed {', '.join(changed)}" if changed else "saved")
        entry: LogEntry = super().log_change(request, obj, message)
        return entry


def record_staff_change(request: HttpRequest, obj: models.Model, change: str) -> None:
    data = {"what": str(obj._meta.verbose_name), "label": str(obj), "id": str(obj.pk), "change": change}
    record("staff.changed", workspace_id=getattr(obj, "workspace_id", None), actor=staff_actor(request), data=data)


def staff_actor(request: Any) -> Actor:
    """Django's admin knows only that somebody is signed in; here it is always one of our users."""
    return user_actor(request)
