from django.urls import path

from certificates.shelf import views

_ALL = "w/<uuid:workspace_id>/certificates/"
_ONE = f"{_ALL}<uuid:certificate_id>/"

urlpatterns = [
    path(_ALL, views.show_list, name="certificate-list"),
    path(_ONE, views.show_certificate, name="certificate-show"),
    path(f"{_ONE}export/", views.export, name="certificate-export"),
    path(f"{_ONE}revoke/", views.revoke, name="certificate-revoke"),
]
