"""Staff's view of this room: everything but the secrets, and nothing to change."""

from django.contrib import admin

from accounts.staff import ReadOnlyAdmin
from deploy.models import Deployment, PanelAccount, PanelTarget, Server, Target, TargetRun


@admin.register(Server)
class ServerAdmin(ReadOnlyAdmin):
    list_display = ("host", "port", "username", "host_key_fingerprint", "workspace")
    search_fields = ("host", "name")
    exclude = ("sealed_private_key", "sealed_passphrase")


@admin.register(Target)
class TargetAdmin(ReadOnlyAdmin):
    list_display = ("domain", "server", "position", "is_draft", "last_status")
    list_select_related = ("domain", "server")
    list_filter = ("last_status", "is_draft")


@admin.register(PanelAccount)
class PanelAccountAdmin(ReadOnlyAdmin):
    list_display = ("kind", "name", "fingerprint_sha256", "refused_at", "workspace")
    exclude = ("sealed_secret",)


@admin.register(PanelTarget)
class PanelTargetAdmin(ReadOnlyAdmin):
    list_display = ("domain", "account", "is_draft", "last_status")
    list_select_related = ("domain", "account")


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    list_display = ("domain", "state", "created_at", "ended_at")
    list_select_related = ("domain",)
    list_filter = ("state",)


@admin.register(TargetRun)
class TargetRunAdmin(ReadOnlyAdmin):
    list_display = ("label", "kind", "state", "outcome", "error_code", "created_at", "ended_at")
    list_filter = ("kind", "state")
