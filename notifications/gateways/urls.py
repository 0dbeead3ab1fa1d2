from django.urls import path

from notifications.gateways import views

_LIST = "w/<uuid:workspace_id>/settings/gateways/"
_ONE = f"{_LIST}<uuid:gateway_id>/"

urlpatterns = [
    path(_LIST, views.list_gateways, name="gateway-list"),
    path(f"{_LIST}add/", views.add_gateway, name="gateway-add"),
    path(_ONE, views.show_gateway, name="gateway-detail"),
    path(f"{_ONE}edit/", views.edit_gateway, name="gateway-edit"),
    path(f"{_ONE}test/", views.test_gateway, name="gateway-test"),
    path(f"{_ONE}pause/", views.pause_one_gateway, name="gateway-pause"),
    path(f"{_ONE}resume/", views.resume_one_gateway, name="gateway-resume"),
    path(f"{_ONE}delete/", views.delete_one_gateway, name="gateway-delete"),
]
