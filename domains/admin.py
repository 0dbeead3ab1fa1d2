"""Django's own admin, for whoever hosts the portal: looking, not editing what the workers keep."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from domains.models import Domain, Finding, Ownership


class ReadOnly(admin.ModelAdmin):
    """Rows that jobs write; an edit by hand would race them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Domain)
class DomainAdmin(ReadOnly):
    list_display = ("host", "port", "workspace", "state", "expires_at", "created_at")
    list_filter = ("state", "mode")
    search_fields = ("host", "workspace__name")
    list_select_related = ("workspace",)


@admin.register(Ownership)
class OwnershipAdmin(ReadOnly):
    list_display = ("host", "workspace", "proven_at", "checked_at", "misses")
    search_fields = ("host", "workspace__name")
    list_select_related = ("workspace",)


@admin.register(Finding)
class FindingAdmin(ReadOnly):
    list_display = ("code", "domain", "source", "severity", "opened_at", "closed_at")
    list_filter = ("source", "severity")
    search_fields = ("domain__host", "code")
    list_select_related = ("domain",)
