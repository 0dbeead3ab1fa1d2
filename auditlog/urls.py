from django.urls import path

from auditlog.pages import activity, audit, keeping

app_name = "auditlog"

_ALL = "w/<uuid:workspace_id>/audit-logs/"
_DOMAIN = "w/<uuid:workspace_id>/domains/<uuid:domain_id>/activity/"

urlpatterns = [
    path(_ALL, audit.show_events, name="event-list"),
    path(f"{_ALL}keeping/", keeping.show_keeping, name="keeping"),
    path(f"{_ALL}keeping/edit/", keeping.edit_keeping, name="keeping-edit"),
    path(f"{_ALL}archive/", keeping.download_archive, name="archive"),
    path(_DOMAIN, activity.show_activity, name="domain-activity"),
    path(f"{_DOMAIN}live/", activity.show_live, name="domain-activity-live"),
]
