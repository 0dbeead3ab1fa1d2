"""What every page of the admin site has in common: nothing is changed unseen."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.access import user_actor
from auditlog.events import Actor, record

# Never shown, and never searched for either.
HIDDEN_FIELDS = frozenset({"password", "digest", "session_data", "session_key", "token"})


class ReadOnlyAdmin(admin.ModelAdmin):
    """Evidence: staff may look."""

    show_full_result_count = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """By default every field of the row may be asked for letter by letter, also those that no page shows."""
        field = lookup.split(LOOKUP_SEP)[0]
        if field in HIDDEN_FIELDS or field in (self.exclude or ()) or field.startswith("sealed_"):
            return False
        return super().lookup_allowed(lookup, value, request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        given = [name for name in super().get_fields(request, obj) if name != "leads_to"]
        return [*given, "leads_to"] if obj else given

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), "leads_to"]

    @admin.display(description="Leads to")
    def leads_to(self, obj: models.Model) -> SafeString:
        """The lists of rows that point here; what they themselves point at, Django links by itself."""
        return format_html_join(", ", '<a href="{}">{}</a>', self._lists_about(obj)) or mark_safe("nothing")

    def _lists_about(self, obj: models.Model) -> Iterator[tuple[str, str]]:
        for relation in obj._meta.get_fields(include_hidden=True):
            if isinstance(relation, models.ManyToOneRel) and relation.related_model in self.admin_site._registry:
                meta, field = relation.related_model._meta, relation.field.name
                address = reverse(f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_changelist")
                # Two fields of one model may point here: the words tell which.
                which = "" if field == obj._meta.model_name else f" ({field.replace('_', ' ')})"
                yield f"{address}?{field}__pk__exact={obj.pk}", f"{meta.verbose_name_plural}{which}"

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
