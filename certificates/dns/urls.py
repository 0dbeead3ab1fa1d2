from django.urls import path

from certificates.dns import views
from certificates.dns.providers import views as providers

_DELEGATION = "w/<uuid:workspace_id>/delegations/<uuid:delegation_id>/"
_PROVIDERS = "w/<uuid:workspace_id>/settings/dns-providers/"

urlpatterns = [
    path("w/<uuid:workspace_id>/domains/<uuid:domain_id>/delegations/add/", views.add, name="delegation-add"),
    path(f"{_DELEGATION}live/", views.show_live, name="delegation-live"),
    path(f"{_DELEGATION}check/", views.check, name="delegation-check"),
    path(f"{_DELEGATION}delete/", views.delete, name="delegation-delete"),
    path(_PROVIDERS, providers.list_providers, name="dns-provider-list"),
    path(f"{_PROVIDERS}add/", providers.add, name="dns-provider-add"),
    path(f"{_PROVIDERS}<uuid:dns_provider_id>/", providers.change, name="dns-provider-change"),
    path(f"{_PROVIDERS}<uuid:dns_provider_id>/test/", providers.test, name="dns-provider-test"),
    path(f"{_PROVIDERS}<uuid:dns_provider_id>/delete/", providers.delete, name="dns-provider-delete"),
]
