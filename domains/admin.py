"""Django's own admin, for whoever hosts the portal: looking, not editing what the workers keep."""

from django.contrib import admin

from accounts.staff import ReadOnlyAdmin
from domains.models import (
    AddressCheck,
    Batch,
    BatchLine,
    Domain,
    Feed,
    Finding,
    Hosting,
    Inspection,
    Ownership,
    RevocationList,
    RevocationWatch,
    Visit,
    WorkspaceRoot,
)


@admin.register(Domain)
class DomainAdmin(ReadOnlyAdmin):
    list_display = ("host", "port", "protocol", "workspace", "state", "expires_at", "created_at")
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


@admin.register(Visit)
class VisitAdmin(ReadOnlyAdmin):
    list_display = ("domain", "visited_at", "run_after", "failures", "error_code", "claims", "lease_until")
    list_filter = ("error_code",)
    search_fields = ("domain__host",)
    list_select_related = ("domain",)


@admin.register(Inspection)
class InspectionAdmin(ReadOnlyAdmin):
    list_display = ("domain", "seen_at", "last_seen_at", "times", "is_trusted", "fingerprint_sha256")
    search_fields = ("domain__host", "fingerprint_sha256")
    list_select_related = ("domain",)


@admin.register(Hosting)
class HostingAdmin(ReadOnlyAdmin):
    list_display = ("domain", "detected_at", "run_after", "is_doubted", "error_code")
    list_filter = ("is_doubted",)
    search_fields = ("domain__host",)
    list_select_related = ("domain",)


@admin.register(Feed)
class FeedAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "tag", "prefix", "workspace", "created_by", "created_at", "last_used_at")
    list_filter = ("kind",)
    search_fields = ("name", "prefix", "workspace__name")
    list_select_related = ("workspace", "created_by")
    exclude = ("digest",)


@admin.register(WorkspaceRoot)
class WorkspaceRootAdmin(ReadOnlyAdmin):
    list_display = ("subject", "workspace", "fingerprint_sha256", "not_after", "added_by", "created_at")
    search_fields = ("subject", "fingerprint_sha256", "workspace__name")
    list_select_related = ("workspace", "added_by")
    exclude = ("der",)


@admin.register(AddressCheck)
class AddressCheckAdmin(ReadOnlyAdmin):
    list_display = ("domain", "asked_at", "checked_at", "error_code")
    search_fields = ("domain__host",)
    list_select_related = ("domain",)


@admin.register(RevocationList)
class RevocationListAdmin(ReadOnlyAdmin):
    list_display = ("url", "issuer_name", "fetched_at", "next_update", "entries", "error_code")
    list_filter = ("error_code",)
    search_fields = ("url", "issuer_name")
    exclude = ("issuer_der",)


@admin.register(RevocationWatch)
class RevocationWatchAdmin(ReadOnlyAdmin):
    list_display = ("domain", "serial", "checked_at", "revoked_at", "reason")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("domain__host", "serial")
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
