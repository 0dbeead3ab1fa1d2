from django.urls import path

from auditlog.pages import activity

app_name = "auditlog"

_DOMAIN = "w/<uuid:workspace_id>/domains/<uuid:domain_id>/activity/"

urlpatterns = [
    path(_DOMAIN, activity.show_activity, name="domain-activity"),
    path(f"{_DOMAIN}live/", activity.show_live, name="domain-activity-live"),
]
