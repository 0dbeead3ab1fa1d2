from django.urls import path

from notifications.incidents import views

_TAB = "w/<uuid:workspace_id>/domains/<uuid:domain_id>/alerts/"
_ONE = f"{_TAB}<uuid:finding_id>/"

urlpatterns = [
    path(_TAB, views.show_alerts, name="domain-alerts"),
    path(f"{_ONE}acknowledge/", views.acknowledge_one, name="finding-acknowledge"),
    path(f"{_ONE}remind/", views.unacknowledge_one, name="finding-unacknowledge"),
]
