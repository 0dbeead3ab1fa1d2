from django.urls import path

from certificates.dns import views

_DELEGATION = "w/<uuid:workspace_id>/delegations/<uuid:delegation_id>/"

urlpatterns = [
    path("w/<uuid:workspace_id>/domains/<uuid:domain_id>/delegations/add/", views.add, name="delegation-add"),
    path(f"{_DELEGATION}live/", views.show_live, name="delegation-live"),
    path(f"{_DELEGATION}check/", views.check, name="delegation-check"),
    path(f"{_DELEGATION}delete/", views.delete, name="delegation-delete"),
]
