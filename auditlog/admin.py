"""Events in Django's admin: append-only, so staff may only look."""

from django.contrib import admin

from accounts.staff import ReadOnlyAdmin
from auditlog.events import sentence
from auditlog.models import Event


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("at", "severity", "kind", "words", "actor_label", "workspace_id")
    list_filter = ("severity", "kind")
    search_fields = ("actor_label", "domain_label", "kind", "workspace_id")
    date_hierarchy = "at"

    @admin.display(description="What happened")
    def words(self, event: Event) -> str:
        return sentence(event)
