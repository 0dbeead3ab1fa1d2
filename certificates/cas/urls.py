from django.urls import path

from certificates.cas import views

_LIST = "w/<uuid:workspace_id>/settings/certificate-authorities/"
_ACCOUNT = f"{_LIST}<uuid:acme_account_id>/"

urlpatterns = [
    path(_LIST, views.list_cas, name="ca-list"),
    path(f"{_LIST}add/", views.add, name="ca-add"),
    path(_ACCOUNT, views.change, name="ca-change"),
    path(f"{_ACCOUNT}look/", views.look, name="ca-look"),
    path(f"{_ACCOUNT}new-key/", views.new_key, name="ca-new-key"),
    path(f"{_ACCOUNT}remove/", views.remove, name="ca-remove"),
]
