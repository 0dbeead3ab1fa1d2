"""What staff may see of deliveries: evidence, not to be changed by hand."""

from django.contrib import admin
from django.http import HttpRequest

from notifications.models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(admin.ModelAdmin):
    list_display = ("created_at", "state", "event_kind", "domain_label", "to", "attempts", "last_answer", "settled_at")
    list_filter = ("state", "event_kind")
    search_fields = ("to", "domain_label", "subject")
    list_select_related = ("workspace",)
    date_hierarchy = "created_at"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
