from django.urls import path

from certificates.renewal import views

_DOMAIN = "w/<uuid:workspace_id>/domains/<uuid:domain_id>/renewal/"

urlpatterns = [
    path(f"{_DOMAIN}on/", views.turn_on, name="renewal-on"),
    path(f"{_DOMAIN}off/", views.turn_off, name="renewal-off"),
]
