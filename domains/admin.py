"""Django's own admin, for whoever hosts the portal: looking, not editing what the workers keep."""

from django.contrib import admin

from accounts.staff import ReadOnlyAdmin
from domains.models import Batch, BatchLine, Domain, Finding, Ownership


@admin.register(Domain)
class DomainAdmin(ReadOnlyAdmin):
    list_display = ("host", "port", "workspace", "state", "expires_at", "created_at")
    list_filter = ("state", "mode")
    search_fields = ("host", "readable", "notes", "workspace__name")
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


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ("kind", "state", "total", "workspace", "made_by", "created_at", "ended_at")
    list_filter = ("kind", "state")
    search_fields = ("workspace__name", "made_by__email", "source", "tag")
    list_select_related = ("workspace", "made_by")


@admin.register(BatchLine)
class BatchLineAdmin(ReadOnlyAdmin):
    list_display = ("number", "label", "state", "code", "batch", "workspace")
    list_filter = ("state",)
    search_fields = ("label", "code", "workspace__name")
    list_select_related = ("workspace", "batch")
