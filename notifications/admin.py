"""What staff may see of deliveries and gateways: evidence, not to be changed by hand."""

from django.contrib import admin
from django.http import HttpRequest

from notifications.models import Delivery, Gateway


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "state", "event_kind", "domain_label", "to", "attempts", "last_answer", "settled_at")
    list_filter = ("state", "event_kind")
    search_fields = ("to", "domain_label", "subject")
    list_select_related = ("workspace",)
    date_hierarchy = "created_at"
    show_full_result_count = False


@admin.register(Gateway)
class GatewayAdmin(ReadOnlyAdmin):
    """What a customer typed stays theirs: neither settings nor secrets are shown."""

    list_display = ("name", "channel", "workspace", "paused_at", "disabled_at", "last_at", "last_ok", "last_answer")
    list_filter = ("channel",)
    search_fields = ("name",)
    list_select_related = ("workspace",)
    exclude = ("config", "sealed_secrets")
    show_full_result_count = False
