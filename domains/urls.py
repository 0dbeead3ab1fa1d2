from django.urls import path

from domains import views
from domains.addresses import views as addresses
from domains.authorities import views as authorities
from domains.hosting import views as hosting
from domains.uptime.views import show_uptime

app_name = "domains"

_LIST = "w/<uuid:workspace_id>/domains/"
_ONE = f"{_LIST}<uuid:domain_id>/"
_ROOTS = "w/<uuid:workspace_id>/settings/authorities/"

urlpatterns = [
    path(_LIST, views.show_list, name="domain-list"),
    path(f"{_LIST}add/", views.add, name="domain-add"),
    path(_ONE, views.show_overview, name="domain-overview"),
    path(f"{_ONE}live/", views.show_live, name="domain-live"),
    path(f"{_ONE}uptime/", show_uptime, name="domain-uptime"),
    path(f"{_ONE}inspect/", views.inspect, name="domain-inspect"),
    path(f"{_ONE}verify/", views.verify, name="domain-verify"),
    path(f"{_ONE}delete/", views.delete, name="domain-delete"),
    path(f"{_ONE}hosting/detect/", hosting.detect, name="domain-detect"),
    path(f"{_ONE}hosting/wrong/", hosting.doubt, name="domain-doubt"),
    path(f"{_ONE}hosting/right/", hosting.trust, name="domain-trust"),
    path(f"{_ONE}history/", views.show_history, name="domain-history"),
    path(f"{_ONE}addresses/", addresses.check, name="domain-addresses"),
    path(f"{_ONE}tags/", views.edit_tags, name="domain-tags"),
    path(_ROOTS, authorities.list_roots, name="root-list"),
    path(f"{_ROOTS}add/", authorities.add_roots, name="root-add"),
    path(f"{_ROOTS}<uuid:root_id>/remove/", authorities.remove_root, name="root-remove"),
]
