from django.urls import path

from auditlog.pages import activity, audit

app_name = "auditlog"

_ALL = "w/<uuid:workspace_id>/audit-logs/"
_DOMAIN = "w/<uuid:workspace_id>/domains/<uuid:domain_id>/activity/"

urlpatterns = [
    path(_ALL, audit.show_events, name="event-list"),
    path(f"{_ALL}export.csv", audit.download_csv, name="event-csv"),
    path(f"{_ALL}export.pdf", audit.download_pdf, name="event-pdf"),
    path(_DOMAIN, activity.show_activity, name="domain-activity"),
    path(f"{_DOMAIN}live/", activity.show_live, name="domain-activity-live"),
]
