"""Django's own admin, for whoever hosts the portal: looking, not editing what the workers keep."""

from django.contrib import admin

from accounts.staff import ReadOnlyAdmin
from domains.models import Domain, Finding, Ownership


@admin.register(Domain)
class DomainAdmin(ReadOnlyAdmin):
    list_display = ("host", "port", "protocol", "workspace", "state", "expires_at", "created_at")
    list_filter = ("state", "mode")
    search_fields = ("host", "workspace__name")
    list_select_related = ("workspace",)


@admin.register(Ownership)
class OwnershipAdmin(ReadOnlyAdmin):
    list_display = ("host", "workspace", "proven_at", "checked_at", "misses")
    search_fields = ("host", "workspace__name")
    list_select_related = ("workspace",)


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ("code", "domain", "source", "severity", "opened_at", "closed_at")
    list_filter = ("source", "severity")
    search_fields = ("domain__host", "code")
    list_select_related = ("domain",)
